package import WinnowGraph

/// A list of its inputs.
package struct SequenceConstruct: ListMaker, AttributeFree {
    package static let type = OperatorType("SequenceConstruct")

    package init() {}

    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [.list(of: try inputs.required(0).elementType)] }
    package func results(_ inputs: [Datum?]) throws -> [Datum] { [.list(try inputs.indices.map { try inputs.tensor($0) })] }
    package func members(of node: Node, in graph: GraphIndex) -> [ValueName]? { node.inputs }
}
