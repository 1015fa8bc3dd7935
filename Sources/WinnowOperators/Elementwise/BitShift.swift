package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// The bits of an unsigned integer moved by as many places as the second operand says; zeros come in.
package struct BitShift: ElementwiseBinary {
    package static let type = OperatorType("BitShift")
    package static let maximumInputCount = 2

    package var isLeft: Bool

    package init(isLeft: Bool) { self.isLeft = isLeft }

    package init(attributes: Attributes, version: Int) throws {
        let direction = try attributes.string("direction", default: "")
        guard direction == "LEFT" || direction == "RIGHT" else {
            throw WinnowError(.model, "direction", "\"\(direction)\" is neither LEFT nor RIGHT")
        }
        self.init(isLeft: direction == "LEFT")
    }

    package var attributes: Attributes { ["direction": .string(isLeft ? "LEFT" : "RIGHT")] }
    package var minimumVersion: Int { 11 }
    package var function: BinaryFunction { isLeft ? .shiftLeft : .shiftRight }
}
