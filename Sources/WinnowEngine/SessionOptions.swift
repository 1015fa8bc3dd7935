import Foundation
package import WinnowGraph

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
}
