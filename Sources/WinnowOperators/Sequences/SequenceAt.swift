package import WinnowGraph

/// The member of a list at the position in input 1.
package struct SequenceAt: ListOperator, AttributeFree {
    package static let type = OperatorType("SequenceAt")
    package static let maximumInputCount = 2

    package init() {}

    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(0).elementType, nil)] }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        let list = try inputs.list(0)
        return [.tensor(list[try inputs.position(1, in: 0..<list.count, fallback: -1)])]
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let members = graph.members(of: node.input(0)),
            let position = graph.position(node.input(1), in: 0..<members.count, fallback: -1)
        else { return nil }
        return node.replaced(by: members[position])
    }
}
