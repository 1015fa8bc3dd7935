package import WinnowGraph
import WinnowTensor

/// The number of a list's members (int64).
package struct SequenceLength: ListOperator, AttributeFree {
    package static let type = OperatorType("SequenceLength")
    package static let maximumInputCount = 1

    package init() {}

    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(ValueType(.int64, Shape([])))] }
    package func results(_ inputs: [Datum?]) throws -> [Datum] { [.tensor(Tensor(scalar: Int64(try inputs.list(0).count)))] }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let members = graph.members(of: node.input(0)) else { return nil }
        let name = graph.graph.freshValueName("\(node.name).count")
        var edit = node.replaced(by: name)
        edit.initializers = [(name, Tensor(scalar: Int64(members.count)))]
        return edit
    }
}
