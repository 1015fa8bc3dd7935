package import WinnowGraph
import WinnowTensor

/// An operator without attributes.
package protocol AttributeFree: Operator {
    init()
}

extension AttributeFree {
    package init(attributes: Attributes, version: Int) throws { self.init() }
    package var attributes: Attributes { [:] }
}

extension AttributeFree where Self: ElementwiseBinary {
    /// Before operator set 7 the second operand could be aligned at any axis.
    package static func reading(_ attributes: Attributes, version: Int) throws -> any Operator {
        guard version < 7 else { return Self() }
        _ = try attributes.int("broadcast")
        guard let axis = try attributes.int("axis") else { return Self() }
        return AlignedOperands(Self(), axis: axis)
    }
}
