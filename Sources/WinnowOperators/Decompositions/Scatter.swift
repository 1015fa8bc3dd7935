package import WinnowGraph
import WinnowTensor

/// The older name of ScatterElements.
package struct Scatter: Decomposition {
    package static let type = OperatorType("Scatter")
    package static let maximumInputCount = 3

    package var axis: Int

    package init(axis: Int = 0) { self.axis = axis }
    package init(attributes: Attributes, version: Int) throws { self.init(axis: try attributes.int("axis", default: 0)) }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { 9 }
    package var maximumVersion: Int { 10 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.add(ScatterElements(axis: axis), inputs.required(0), inputs.required(1), inputs.required(2))]
    }
}
