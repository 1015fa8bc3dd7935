import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor

extension TrainingRun {
    /// The first parameter that is not finite.
    private var brokenParameter: ValueName? {
        graph.parameters.first { name in
            guard let pointer = variables.pointer(to: name) else { return false }
            let values = UnsafeBufferPointer(
                start: pointer.assumingMemoryBound(to: Float.self), count: variables.elementCount(of: name))
            return !RangeStatistics(of: values).isFinite
        }
    }

    /// A Relu that kernels compute along with a layer makes 0 of what is no number, so that the loss may not tell of it.
    func checkParameters() throws {
        guard let broken = brokenParameter else { return }
        let what = "parameter \(broken) is not finite after epoch \(epoch), though the loss is"
        throw try fault(what, among: [])
            ?? WinnowError(
                .numeric, "training", what, remedy: "check the data for values that are not finite, or lower the learning rate")
    }

    /// Says where training on these samples went wrong, and what to do.
    func divergence(_ plan: TrainingPlan, _ samples: ArraySlice<Int>) throws -> WinnowError {
        let what = "the loss is \(plan.loss.pointee) at step \(step + 1) (epoch \(epoch + 1))"
        if let fault = try fault(what, among: samples) { return fault }
        if let named = boundless(samples, what) { return named }
        let brokenGradient = plan.gradients.first { !RangeStatistics(of: UnsafeBufferPointer($0.values)).isFinite }?.name
        let place = brokenParameter.map { "parameter \($0) is not finite" }
            ?? brokenGradient.map { "all parameters are finite, but the gradient of \($0) is not" }
            ?? "parameters and gradients are finite"
        return WinnowError(
            .numeric, "training", "\(what); \(place)",
            remedy: "lower the learning rate (now \(learningRate)), clip gradients, or check the data for values that are not finite")
    }

    /// The samples among these whose loss was not finite before anything was trained; nil where there are none, or all that are asked are such.
    private func boundless(_ samples: ArraySlice<Int>, _ what: String) -> WinnowError? {
        let others = (0..<sampleCount).lazy.filter { !samples.contains($0) }.prefix(Self.othersAsked)
        let asked = samples.sorted() + others
        let losses = try? trainer.objective.losses(on: training.selecting(asked), batchSize: 1, options: trainer.options)
        guard let losses, losses.count == asked.count else { return nil }
        let broken = zip(asked, losses).filter { !$1.loss.isFinite }.map(\.0)
        guard let first = broken.first(where: samples.contains), broken.count < asked.count else { return nil }
        let more = broken.count { samples.contains($0) } - 1
        return WinnowError(
            .numeric, "training data, sample \(first)\(more > 0 ? " and \(more) more of the step" : "")",
            "has by itself a loss that is not finite before anything is trained; \(what)", remedy: "leave it out, or mend its target")
    }

    /// Samples beside those of a step that tell whether any has a finite loss.
    private static let othersAsked = 8

    /// What was given and is not finite, a tensor or a sample; nil where all is.
    private func fault(_ what: String, among samples: ArraySlice<Int>) throws -> WinnowError? {
        if let (name, reason) = trainer.objective.graph.unfitTensor { return .unfit(name, reason, what) }
        return try assembler.unfitSample(among: samples, of: sampleCount).map { array, sample, reason in
            let name = array.isEmpty ? "training data" : "training data \(array)"
            return WinnowError(.numeric, "\(name), sample \(sample)", "\(reason); \(what)", remedy: "leave the sample out, or mend its numbers")
        }
    }
}

extension WinnowError {
    /// A tensor of a model that is not fit for training, and what came of it.
    static func unfit(_ tensor: ValueName, _ reason: String, _ what: String) -> WinnowError {
        WinnowError(.numeric, "tensor \(tensor)", "\(reason); \(what)", remedy: "mend its numbers, or begin with another model")
    }
}

extension Graph {
    /// The first initializer that makes what is computed with it no number, and what is wrong with it: one with NaN, or one that data
    /// is multiplied with and that is infinite somewhere. Infinities elsewhere are limits, and what blinds attention.
    var unfitTensor: (name: ValueName, reason: String)? {
        let parameters = Parameters(self)
        let multiplied = Set(parameters.entries.filter { parameters.sums($0) }.map(\.tensor))
        for name in initializerNames {
            guard let tensor = initializers[name], let reason = tensor.finiteness else { continue }
            if multiplied.contains(name) || tensor.pieces.contains(where: { tensor.doubles(in: $0).contains(where: \.isNaN) }) {
                return (name, reason)
            }
        }
        return nil
    }
}

extension BatchAssembler {
    /// The first sample that is not finite, of these or else of all `count`, with its array and what is wrong with it.
    func unfitSample(among samples: ArraySlice<Int>, of count: Int) throws -> (array: String, sample: Int, reason: String)? {
        for indices in [Array(samples), Array(0..<count)] {
            for index in indices {
                for feature in features where feature.elementType.isFloatingPoint {
                    if let reason = try feature.batch(at: [index]).finiteness { return (feature.name, index, reason) }
                }
            }
        }
        return nil
    }
}
