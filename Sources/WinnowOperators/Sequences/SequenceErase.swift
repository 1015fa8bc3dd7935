package import WinnowGraph

/// A list without the member at the position in input 1, or without its last.
package struct SequenceErase: ListMaker, AttributeFree {
    package static let type = OperatorType("SequenceErase")
    package static let maximumInputCount = 2

    package init() {}

    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [.list(of: try inputs.required(0).elementType)] }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        var list = try inputs.list(0)
        list.remove(at: try inputs.position(1, in: 0..<list.count, fallback: list.count - 1))
        return [.list(list)]
    }

    package func members(of node: Node, in graph: GraphIndex) -> [ValueName]? {
        guard var list = graph.members(of: node.input(0)),
            let position = graph.position(node.input(1), in: 0..<list.count, fallback: list.count - 1)
        else { return nil }
        list.remove(at: position)
        return list
    }
}
