package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// Where a loss is added: behind one value of a model.
package struct LossPlace {
    package let builder: GraphBuilder
    /// The prediction, samples first.
    package let prediction: ValueName
    package let settings: LossSettings
    /// The prediction's axis of classes: what the settings say, what the target or the graph tells, else 1.
    package private(set) var classAxis = 1
    private let model: GraphIndex?
    private let output: ValueName
    private let samples: Int

    /// - Parameter model: what `output` is of; nil: its first axis counts samples, and nothing is known of what closes it.
    /// Throws `.model` where the shape of `output` is not known, `.recipe` for a setting `axis` that it has not.
    package init(_ builder: GraphBuilder, output: ValueName, of model: Graph? = nil, _ settings: LossSettings = LossSettings()) throws {
        let samples = model.flatMap { SampleAxes(of: $0).axis(ofOutput: output) } ?? 0
        try self.init(builder, output: output, in: model.map { GraphIndex($0) }, samples: samples, settings)
    }

    /// - Parameters:
    ///   - model: the graph of `output`; nil: nothing is known of what closes it.
    ///   - samples: the output's axis that counts samples.
    package init(
        _ builder: GraphBuilder, output: ValueName, in model: GraphIndex?, samples: Int, _ settings: LossSettings = LossSettings()
    ) throws {
        guard let extents = builder.info(of: output)?.extents, !extents.isEmpty else {
            throw WinnowError(.model, "value \(output)", "has no known axes that a loss could be taken over")
        }
        self.builder = builder
        self.settings = settings
        self.output = output
        self.model = model
        self.samples = samples
        prediction = try Self.samplesFirst(output, samples, builder)
        guard let axis = try chosenAxis() ?? model?.classAxis(of: output, samples: samples) else { return }
        classAxis = axis < samples ? axis + 1 : axis
    }

    /// The output's axis that the settings name. Throws `.recipe` where it has no such axis but that of samples.
    private func chosenAxis() throws -> Int? {
        guard let axis = settings.axis else { return nil }
        let own = axis < 0 ? axis + extents.count : axis
        guard extents.indices.contains(own), own != samples else {
            let type = builder.info(of: output)?.type.description ?? "unknown"
            throw WinnowError(
                .recipe, "objective: axis", "is \(axis), which is no axis of classes of \(output), \(type)",
                remedy: "give another than \(samples), which counts the samples")
        }
        return own
    }

    /// The output's own axis of classes.
    package var ownClassAxis: Int { classAxis <= samples ? classAxis - 1 : classAxis }

    /// Takes for the axis of classes the one without which the prediction has the shape of class indices of one sample; where several are such,
    /// the one that it has by now, if it is among them.
    package mutating func fit(toClassesOf sample: Shape) {
        guard settings.axis == nil, extents.count > 2 else { return }
        let candidates = extents.classAxes(forClassesOf: sample)
        if let first = candidates.first, !candidates.contains(classAxis) { classAxis = first }
    }

    private static func samplesFirst(_ value: ValueName, _ axis: Int, _ b: GraphBuilder) throws -> ValueName {
        guard axis > 0, let rank = b.info(of: value)?.rank else { return value }
        return try b.add(Transpose([axis] + (0..<rank).filter { $0 != axis }), value)
    }

    /// The prediction's extents.
    package var extents: [Extent] { builder.info(of: prediction)?.extents ?? [] }

    /// The prediction without a closing Softmax or LogSoftmax over its classes.
    package func logits() throws -> ValueName {
        guard let model else { return prediction }
        return try Self.samplesFirst(builder.logits(of: output, in: model, samples: samples, classes: ownClassAxis), samples, builder)
    }

    /// The prediction without a closing Softmax or LogSoftmax over its last axis.
    func lastAxisLogits() throws -> ValueName {
        let last = extents.count - 1
        guard let model, let own = model.probabilities(of: output), own.axes == last..<(last + 1) else { return prediction }
        let logits = try own.logits ?? (own.areLogarithms ? output : builder.logarithm(ofProbabilities: output))
        return try Self.samplesFirst(logits, samples, builder)
    }

    /// The prediction without a closing Sigmoid; itself where it is no probability.
    func binaryLogits() throws -> ValueName {
        guard let model else { return prediction }
        var (value, moves) = (output, [Node]())
        while let node = model.producer(of: value), node.output(0) == value, let input = node.input(0) {
            if let found = node.op.sigmoid(of: node, in: model) {
                return try Self.samplesFirst(builder.reapplying(moves.reversed(), to: found), samples, builder)
            }
            guard let passing = node.op.passing(of: node, in: model) else { break }
            value = input
            switch passing {
            case .unchanged: break
            case .reshaped, .permuted, .converted: moves.append(node)
            case .neutral(let index): value = node.inputs[index]
            case .between(let range): if range.lowerBound > 1e-6 || range.upperBound < 1 - 1e-6 { return try settledBinaryLogits(model) }
            }
        }
        return try settledBinaryLogits(model)
    }

    /// What gives the prediction by a Sigmoid, where it lies between 0 and 1 by what computes it.
    private func settledBinaryLogits(_ model: GraphIndex) throws -> ValueName {
        try model.liesInUnitInterval(output) ? builder.logit(ofProbabilities: prediction) : prediction
    }

    /// The prediction as one vector a sample.
    func embeddings() throws -> ValueName { try builder.rows(prediction) }

    /// The mean over all elements.
    func mean(_ value: ValueName) throws -> ValueName { try builder.add(ReduceMean(keepsAxes: false), value) }

    func error(_ problem: String, remedy: String = "") -> WinnowError {
        WinnowError(.model, "output \(output)", "is \(builder.info(of: output)?.type.description ?? "unknown"), \(problem)", remedy: remedy)
    }
}

extension GraphBuilder {
    /// The value with an axis moved to another place.
    func moving(_ axis: Int, to place: Int, of value: ValueName) throws -> ValueName {
        guard axis != place, let rank = info(of: value)?.rank, axis < rank else { return value }
        var order = (0..<rank).filter { $0 != axis }
        order.insert(axis, at: place)
        return try add(Transpose(order), value)
    }

    /// One row of scores a sample, where all axes but those of samples and classes are 1.
    func classRows(_ value: ValueName, classes axis: Int) throws -> ValueName {
        guard let extents = info(of: value)?.extents, extents.count > 2,
            extents.indices.allSatisfy({ $0 == 0 || $0 == axis || extents[$0] == .fixed(1) })
        else { return value }
        return try add(Flatten(), value)
    }
}
