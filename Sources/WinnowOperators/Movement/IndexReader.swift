import WinnowGraph
import WinnowTensor

/// Reads int32 or int64 indices and checks them against an extent.
struct IndexReader {
    private let isWide: Bool
    private let nodeName: String

    init(_ operand: OperandPlan, _ nodeName: String) throws {
        guard operand.elementType == .int64 || operand.elementType == .int32 else {
            throw WinnowError(.model, nodeName, "its indices are \(operand.elementType), not int32 or int64")
        }
        isWide = operand.elementType == .int64
        self.nodeName = nodeName
    }

    func value(_ indices: UnsafeRawPointer, _ position: Int) -> Int {
        isWide
            ? Int(indices.assumingMemoryBound(to: Int64.self)[position])
            : Int(indices.assumingMemoryBound(to: Int32.self)[position])
    }

    /// The index at `position`, counted from the front.
    func index(_ indices: UnsafeRawPointer, _ position: Int, extent: Int) throws -> Int {
        let value = value(indices, position)
        let index = value < 0 ? value + extent : value
        guard index >= 0, index < extent else {
            throw WinnowError(.data, nodeName, "index \(value) lies outside an axis of \(extent)")
        }
        return index
    }
}
