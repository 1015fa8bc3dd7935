package import WinnowGraph

/// An operator without attributes.
package protocol AttributeFree: Operator {
    init()
}

extension AttributeFree {
    package init(attributes: Attributes, version: Int) throws { self.init() }
    package var attributes: Attributes { [:] }
}
