import WinnowEngine
package import WinnowGraph
import WinnowOperators
import WinnowTensor
package import WinnowTraining

/// How a loss changes with values of a model, as a graph with data for it: what is learned of gradients are statistics of its
/// values, one run over the data for all of them.
///
/// The model stays in inference form. Samples come one by one, so that squares are those of each sample's gradient (of a
/// batch's where the model fixes its size). The loss is the caller's own objective if there is one; else the cross-entropy of
/// the first output where the data has labels that fit it; else what `ownOutputs` says.
package struct LossGradients {
    private let graph: Graph
    private let gradients: [ValueName: ValueName]
    private let context: PassContext
    private var statistics = Statistics()

    /// Throws `.unsupported` naming the node through which the loss cannot be differentiated.
    package init(of values: [ValueName], in model: Graph, _ context: PassContext) throws {
        let data = try context.calibrationData(for: model)
        var objective = try Self.objective(of: model, data, context)
        objective.graph = try objective.graph.takingDefaults().takingRunningStatistics()
        let complete = try objective.complete(data)
        if complete.features.allSatisfy(\.isUniform) {
            objective = try objective.taking(complete.adapted(to: objective.graph).batchShapes(count: 1))
        }
        objective.graph = try objective.graph.trainingForm(computesTheSame: true)
        var own = context
        own.calibration = complete
        self.context = own
        do {
            (graph, gradients) = try Differentiation.gradients(of: objective.loss, withRespectTo: values, in: objective.graph)
        } catch let error as WinnowError where error.kind == .unsupported {
            throw WinnowError(
                .unsupported, error.subject, error.problem,
                remedy: "choose an importance that needs no gradients")
        }
    }

    /// Asks for a statistic of the gradient of a value; nothing where the loss does not depend on it.
    package mutating func request(_ statistic: some Statistic, of value: ValueName, key: String = "") {
        if let gradient = gradients[value] { statistics.request(statistic, of: gradient, key: key) }
    }

    /// What was learned of the gradient of a value.
    package subscript<Kind: Statistic>(_ value: ValueName, _ kind: Kind.Type, key key: String = "") -> Kind? {
        gradients[value].flatMap { statistics[$0, kind, key: key] }
    }

    package mutating func gather(sampleCount: Int = 512) throws {
        guard !statistics.isEmpty else { return }
        try statistics.gather(in: graph, context: context, sampleCount: sampleCount, batchSize: 1) { [gradients] gradient in
            "the gradient of \(gradients.first { $0.value == gradient }?.key ?? gradient)"
        }
    }

    private static func objective(of model: Graph, _ data: Dataset, _ context: PassContext) throws -> Objective {
        if let objective = context.objective { return try objective(model) }
        let labels = ClassLabels(of: data, for: model)
        if labels.objection == nil { return try Loss.crossEntropy().attached(to: model, places: labels.places) }
        return try ownOutputs(of: model)
    }

    /// Without labels: the sum over all outputs of real numbers of the cross-entropy to the class that the model itself puts
    /// first, where an output is what a Softmax gives (N, classes), else of half the mean square. The distance from the model's
    /// own outputs would be least where the model stands, and its gradient 0; the gradients of these are not: they tell how far
    /// each weight moves the outputs along themselves.
    package static func ownOutputs(of model: Graph) throws -> Objective {
        let (builder, index) = (GraphBuilder(extending: model), GraphIndex(model))
        var losses: [(weight: Double, value: ValueName)] = []
        for output in model.outputs {
            guard let info = model.infos[output], info.type.isTensor, info.elementType == .float32 else { continue }
            if info.rank == 2, ClassScores(of: output, in: index).form != .logits {
                let scores = try builder.logits(of: output, in: index)
                let best = try builder.add(ArgMax(axis: 1, keepsAxis: false), scores)
                losses.append((1, try Loss.crossEntropy(builder, scores: scores, labels: best)))
            } else {
                losses.append((0.5, try builder.add(ReduceMean(keepsAxes: false), builder.add(Mul(), output, output))))
            }
        }
        guard !losses.isEmpty else {
            throw WinnowError(
                .model, model.name, "has no output of float32 whose gradient tells what matters", remedy: "give labels")
        }
        let loss = try Loss.weightedSum(builder, losses)
        var edit = builder.edit()
        edit.outputs = [loss] + model.outputs
        return Objective(graph: try model.applying(edit), loss: loss)
    }
}

extension LossGradients {
    /// Σg and Σg² of these weights over the calibration data, by name; those the loss does not depend on are missing, and those
    /// that are not float32.
    package static func moments(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext
    ) throws -> [ValueName: ElementMoments] {
        let weights = targets.filter { $0.stored.elementType == .float32 }.map(\.tensor)
        guard !weights.isEmpty else { return [:] }
        var gradients = try LossGradients(of: weights, in: graph, context)
        for weight in weights { gradients.request(ElementMoments(), of: weight) }
        try gradients.gather()
        let found = weights.compactMap { weight in gradients[weight, ElementMoments.self].map { (weight, $0) } }
        return Dictionary(found, uniquingKeysWith: { first, _ in first })
    }
}
