package import WinnowGraph
import WinnowTensor

/// What an optional holds.
package struct OptionalGetElement: ListOperator, AttributeFree {
    package static let type = OperatorType("OptionalGetElement")
    package static let maximumInputCount = 1

    package init() {}

    package var minimumVersion: Int { 15 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        var type = try inputs.required(0).type
        type.isOptional = false
        return [ValueInfo(type)]
    }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        switch inputs.first ?? nil {
        case .some(.nothing), nil: throw WinnowError(.data, "input 0", "is nothing")
        case .some(let datum): return [datum]
        }
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let value = node.input(0), let info = graph.info(of: value), info.type.isTensor, !info.isGuess else { return nil }
        return node.replaced(by: value)
    }
}
