package import WinnowEngine
package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Losses as graph ends.
package enum Loss: Sendable, Hashable {
    /// −Σ q·log softmax(scores), the mean over samples; q is the label's class, smoothed over all classes.
    case crossEntropy(labelSmoothing: Double = 0)
    /// The mean squared difference to a graph input `targets` shaped like the output.
    case meanSquaredError

    /// `model` with the loss of its scores (the first output of floats) added, and the inputs the loss needs.
    ///
    /// - Parameters:
    ///   - probabilities: whether labels are probabilities, (N, classes), in the place of class indices.
    ///   - places: labels that are classes of places, which `crossEntropy` compares with in the place of one a sample.
    package func attached(to model: Graph, probabilities: Bool = false, places: PlaceLabels? = nil) throws -> Objective {
        guard let output = model.scoredOutput, let info = model.infos[output] else {
            throw WinnowError(.model, model.name, "has no output to take a loss of")
        }
        if case .crossEntropy(let smoothing) = self, let places { return try Self.crossEntropy(of: output, of: model, with: places, smoothing) }
        let builder = GraphBuilder(extending: model)
        let objective: (loss: ValueName, labels: ValueName?)
        switch self {
        case .crossEntropy(let smoothing):
            guard var extents = info.extents, extents.count >= 2 else {
                throw WinnowError(.model, "output \(output)", "is \(info.type), not scores of classes")
            }
            let samples = SampleAxes(of: model).axis(ofOutput: output) ?? 0
            var scores = try builder.logits(of: output, in: GraphIndex(model), samples: samples)
            if samples > 0 {
                scores = try builder.add(Transpose([samples] + extents.indices.filter { $0 != samples }), scores)
                extents.insert(extents.remove(at: samples), at: 0)
            }
            guard !probabilities else {
                let labels = try builder.input(model.freshValueName("labels"), .float32, extents)
                let place = try LossPlace(builder, output: scores, LossSettings(labelSmoothing: smoothing))
                objective = (try CrossEntropyLoss.add(at: place, LossTarget(.values, labels)), labels)
                break
            }
            let labels = try builder.input(model.freshValueName("labels"), .int64, [extents[0]] + extents.dropFirst(2))
            objective = (try Self.crossEntropy(builder, scores: scores, labels: labels, smoothing: smoothing), labels)
        case .meanSquaredError:
            guard let extents = info.extents else {
                throw WinnowError(.model, "output \(output)", "has an unknown shape")
            }
            let targets = try builder.input(model.freshValueName("targets"), info.elementType, extents)
            objective = (try Self.meanSquaredError(builder, output, targets), nil)
        }
        var edit = builder.edit()
        edit.outputs = [objective.loss] + model.outputs
        var result = Objective(graph: try model.applying(edit), loss: objective.loss, labels: objective.labels)
        result.labelsAreProbabilities = probabilities && objective.labels != nil
        return result
    }

    /// `model` with the mean cross-entropy of scores of classes for each place that has a class.
    private static func crossEntropy(of output: ValueName, of model: Graph, with places: PlaceLabels, _ smoothing: Double) throws -> Objective {
        guard let classes = places.classes(ofOutput: output) else {
            throw WinnowError(.model, "output \(output)", "has no scores of classes for each place that has a label")
        }
        let builder = GraphBuilder(extending: model)
        var settings = LossSettings(labelSmoothing: smoothing)
        (settings.axis, settings.ignore) = (classes.axis, LossSettings.noClass)
        let place = try LossPlace(builder, output: output, of: model, settings)
        let extents = CrossEntropyLoss.classExtents(for: place.extents, classes: place.classAxis)
        let labels = try builder.input(model.freshValueName(places.name), .int64, extents)
        let counted = try builder.counted(labels, classes: classes.count)
        let loss = try CrossEntropyLoss.add(at: place, LossTarget(.classes, counted))
        var edit = builder.edit()
        edit.outputs = [loss] + model.outputs
        var result = Objective(graph: try model.applying(edit), loss: loss)
        result.placeLabels = (labels, counted)
        result.classAxes = [output: classes.axis]
        return result
    }

    /// Adds the mean cross-entropy of scores (N, C, …) and class indices (N, …).
    package static func crossEntropy(
        _ b: GraphBuilder, scores: ValueName, labels: ValueName, smoothing: Double = 0
    ) throws -> ValueName {
        let hard = try b.add(SoftmaxCrossEntropyLoss(), scores, labels, name: "loss")
        guard smoothing > 0 else { return hard }
        let uniform = try b.add(ReduceMean(keepsAxes: false), b.add(LogSoftmax(axis: 1), scores))
        return try weightedSum(b, [(1 - smoothing, hard), (-smoothing, uniform)])
    }

    /// Adds mean((output − target)²).
    package static func meanSquaredError(_ b: GraphBuilder, _ output: ValueName, _ target: ValueName) throws -> ValueName {
        try b.add(MeanSquaredError(), output, target, name: "loss")
    }

    /// Adds T²·KL(softmax(teacher/T) ‖ softmax(student/T)), the sum over places and the mean over samples (Hinton et al. 2015, section 2.1).
    ///
    /// - Parameter axis: along which the classes of both lie; nil: the last.
    package static func distillation(
        _ b: GraphBuilder, student: ValueName, teacher: ValueName, temperature: Double, classes axis: Int? = nil
    ) throws -> ValueName {
        func classesLast(_ scores: ValueName) throws -> ValueName {
            guard let axis, let rank = b.info(of: scores)?.rank else { return scores }
            return try b.moving(axis, to: rank - 1, of: scores)
        }
        return try b.add(
            KullbackLeiblerDivergence(temperature: Float(temperature)), classesLast(student), classesLast(teacher), name: "loss.distillation")
    }

    /// Adds T²·(KL of right class against wrong ones + β·KL among the wrong ones), both of probabilities at T, the mean over samples
    /// (Zhao et al. 2022, equation 7).
    ///
    /// - Parameter axis: along which the classes of both lie.
    package static func decoupledDistillation(
        _ b: GraphBuilder, student: ValueName, teacher: ValueName, labels: ValueName, temperature: Double, beta: Double, classes axis: Int = 1
    ) throws -> ValueName {
        let (student, teacher) = try (b.classRows(student, classes: axis), b.classRows(teacher, classes: axis))
        guard b.info(of: student)?.rank == 2, let classes = b.info(of: student)?.extents?[1].value else {
            throw WinnowError(.model, "output \(student)", "is not scores (N, classes)", remedy: "use kl")
        }
        let numbers = b.constant("classes", Tensor((0..<classes).map { Int64($0) }, shape: [1, classes]))
        let rows = try b.info(of: labels)?.rank == 1 ? b.add(Unsqueeze(), labels, b.constant("axes", Tensor([Int64(1)]))) : b.add(Flatten(), labels)
        let isRight = try b.add(Cast(to: b.info(of: student)?.elementType ?? .float32), b.add(Equal(), rows, numbers))
        // What is added to scores so that their probability is 0.
        let away = try b.multiply(isRight, by: -1000 * temperature)
        func pair(_ scores: ValueName) throws -> ValueName {
            let soft = try b.multiply(scores, by: 1 / temperature)
            let right = try b.add(ReduceSum(axes: [1]), b.multiply(soft, isRight))
            let wrong = try b.add(ReduceLogSumExp(axes: [1]), b.add(soft, b.multiply(isRight, by: -1000)))
            return try b.add(Concat(axis: 1), right, wrong)
        }
        let target = try distillation(b, student: pair(student), teacher: pair(teacher), temperature: 1)
        let others = try distillation(b, student: b.add(student, away), teacher: b.add(teacher, away), temperature: temperature)
        return try weightedSum(b, [(temperature * temperature, target), (beta, others)])
    }

    /// Adds Σ weight·part.
    package static func weightedSum(_ b: GraphBuilder, _ parts: [(weight: Double, value: ValueName)]) throws -> ValueName {
        let terms = try parts.map { try b.multiply($0.value, by: $0.weight) }
        guard let first = terms.first else { throw WinnowError(.model, "loss", "has no parts") }
        return try terms.dropFirst().reduce(first) { try b.add($0, $1) }
    }
}
