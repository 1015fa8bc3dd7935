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
    /// Before operator-set 7 the second operand could be aligned at any axis.
    package init(attributes: Attributes, version: Int) throws {
        guard version >= 7 || attributes["axis"] == nil else {
            throw WinnowError(
                .unsupported, "axis", "broadcasting along a chosen axis ended with operator set 6",
                remedy: "export the model with a newer opset")
        }
        self.init()
    }
}
