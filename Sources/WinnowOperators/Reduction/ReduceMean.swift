package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// The mean along axes.
package struct ReduceMean: ReductionOperator {
    package static let type = OperatorType("ReduceMean")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .mean }
    package var parameters: ReductionParameters
    package var passesFactors: Bool { true }
    package var passesShifts: Bool { true }

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? { probabilitiesOfRest(of: node, in: graph) }

    /// Over all spatial axes it is a pooling, which knows both layouts and codes.
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let infos = node.inputs.map { graph.info(of: $0) }
        guard let data = infos.first ?? nil, data.elementType == .float32, let rank = data.rank, rank > 3,
            try reducedAxes(infos, rank: rank) == Array(2..<rank)
        else { return nil }
        let pooled = parameters.keepsAxes ? node.outputs[0] : graph.graph.freshValueName("\(node.name).pooled")
        var nodes = [Node(name: node.name, op: GlobalAveragePool(), inputs: [node.inputs[0]], outputs: [pooled])]
        if !parameters.keepsAxes { nodes.append(Node(name: pooled, op: Flatten(), inputs: [pooled], outputs: node.outputs)) }
        return GraphEdit(replacing: [node.name], with: nodes)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let count = try reducedCount(context)
        return try spread(context) { gradient, _ in try context.builder.add(Div(), gradient, count) }
    }
}
