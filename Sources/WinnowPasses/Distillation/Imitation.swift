import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// What training makes small where there are no labels: the distance of a model's outputs from the original's.
enum Imitation {
    /// The sum over all outputs of real numbers: the Kullback–Leibler divergence where an output is what a Softmax gives
    /// (N, classes), else the mean squared difference.
    static func objective(of model: Graph, original: Graph, hasLabels: Bool = false) throws -> (objective: Objective, frozen: [ValueName]) {
        let joined = try Teacher(original).joined(to: model)
        let (builder, index) = (GraphBuilder(extending: joined.graph), GraphIndex(joined.graph))
        var losses: [(weight: Double, value: ValueName)] = []
        var fixed: [ValueName] = []
        for pair in OutputPairs(of: model, and: original).pairs {
            let (output, goal) = (pair.own, joined.outputs[pair.place])
            guard let type = joined.graph.infos[output]?.type, type.isTensor, type.elementType == .float32 else { continue }
            losses.append((1, try distance(builder, of: output, from: goal, in: index, &fixed)))
        }
        guard !losses.isEmpty else {
            let types = Set(model.outputs.compactMap { model.infos[$0]?.elementType }).filter(\.isFloatingPoint).map { "\($0)" }.sorted()
            throw WinnowError(
                .model, model.name, "has no output of float32 to train toward the original's",
                remedy: !types.isEmpty ? "only float32 is trained, and its outputs are \(types.joined(separator: ", ")): export it in float32"
                    : hasLabels ? "export it with its scores as one tensor, which labels can judge" : "give labels")
        }
        let loss = try losses.count == 1 ? losses[0].value : Loss.weightedSum(builder, losses)
        var edit = builder.edit()
        edit.outputs = [loss]
        var objective = Objective(graph: try joined.graph.applying(edit), loss: loss)
        objective.fixedValues = fixed
        return (objective, joined.initializers)
    }

    /// - Parameter fixed: takes the value of the original that is compared with.
    static func distance(
        _ builder: GraphBuilder, of output: ValueName, from goal: ValueName, in index: GraphIndex, _ fixed: inout [ValueName]
    ) throws -> ValueName {
        let isDistribution = ClassScores(of: output, in: index).form != .logits && index.info(of: output)?.rank == 2
        guard isDistribution else {
            fixed.append(goal)
            return try Loss.meanSquaredError(builder, output, goal)
        }
        let teacher = try builder.logits(of: goal, in: index)
        fixed.append(index.info(of: teacher) == nil ? goal : teacher)
        return try Loss.distillation(builder, student: builder.logits(of: output, in: index), teacher: teacher, temperature: 1)
    }
}
