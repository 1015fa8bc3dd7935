import Foundation
package import WinnowGraph
import WinnowTensor

/// How a session plans and computes.
package struct SessionOptions: Sendable, Hashable {
    package var compute: ComputeOptions
    /// Fuse neighbours and run Q/DQ pairs in integers; off, every node runs as it stands (calibration, tests).
    package var lowers: Bool
    /// The most bytes that the values of a plan may take together; a damaged model asks for more than any machine has.
    package var memoryLimit: Int

    package init(compute: ComputeOptions = ComputeOptions(), lowers: Bool = true, memoryLimit: Int = Self.physicalMemory) {
        self.compute = compute
        self.lowers = lowers
        self.memoryLimit = memoryLimit
    }

    package static let physicalMemory = Int(clamping: ProcessInfo.processInfo.physicalMemory)

    /// Throws if there is no room for so many bytes.
    func check(_ byteCount: Int, of subject: String) throws {
        guard byteCount > memoryLimit else { return }
        throw WinnowError(
            .shape, subject, "needs \(byteCount >> 20) MiB, more than the \(memoryLimit >> 20) MiB there are",
            remedy: "give smaller inputs")
    }
}
