package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// How far a value of a model is from its target: one number that training makes small.
package protocol LossFunction: Sendable {
    /// As recipes call it: `binary-cross-entropy`.
    static var name: String { get }
    /// The settings that it reads.
    static var settings: Set<LossSetting> { get }
    /// Whether class indices can be its target, and numbers like those of the prediction.
    static var targets: Set<LossTarget.Kind> { get }

    /// Whether prediction and target must be alike in all axes; else the channels (axis 1) and places may differ.
    static var comparesChannels: Bool { get }

    /// The extents of class indices for a prediction of these extents, samples first.
    static func classExtents(for prediction: [Extent]) -> [Extent]

    /// Adds the loss to the graph that `place` builds. Throws `.model` for a prediction that it says nothing about.
    static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName
}

extension LossFunction {
    package static var settings: Set<LossSetting> { [] }
    package static var targets: Set<LossTarget.Kind> { [.values] }
    package static var comparesChannels: Bool { true }
    package static func classExtents(for prediction: [Extent]) -> [Extent] { [prediction[0]] }
}

/// What a loss may be told beside prediction and target.
package enum LossSetting: String, CaseIterable, Sendable {
    case labelSmoothing = "label-smoothing"
    case ignore
    case classWeights = "class-weights"
    case delta, margin, temperature, blank
}

/// What losses are told beside prediction and target; each has its standard default.
package struct LossSettings: Hashable, Sendable {
    /// The probability spread evenly over all classes.
    package var labelSmoothing = 0.0
    /// The class index that counts for nothing.
    package var ignore: Int?
    /// A factor for each class.
    package var classWeights: [Double] = []
    /// Where a Huber loss turns from squares to absolute values.
    package var delta = 1.0
    /// How far apart embeddings of different classes should be.
    package var margin = 1.0
    /// What similarities are divided by.
    package var temperature = 0.1
    /// The class index that CTC takes for "no letter".
    package var blank = 0

    package init(labelSmoothing: Double = 0) { self.labelSmoothing = labelSmoothing }
}

/// What a prediction is compared with: a value of the same graph, samples first.
package struct LossTarget: Sendable {
    package enum Kind: String, Sendable {
        case classes = "class indices"
        case values = "numbers"
    }

    package var kind: Kind
    package var value: ValueName

    package init(_ kind: Kind, _ value: ValueName) {
        self.kind = kind
        self.value = value
    }
}

/// Where a loss is added: behind one value of a model.
package struct LossPlace {
    package let builder: GraphBuilder
    /// The prediction, samples first.
    package let prediction: ValueName
    package let settings: LossSettings
    private let model: GraphIndex?
    private let output: ValueName
    private let samples: Int

    /// - Parameter model: what `output` is of; nil: its first axis counts samples, and nothing is known of what closes it.
    /// Throws `.model` where the shape of `output` is not known.
    package init(_ builder: GraphBuilder, output: ValueName, of model: Graph? = nil, _ settings: LossSettings = LossSettings()) throws {
        guard let extents = builder.info(of: output)?.extents, !extents.isEmpty else {
            throw WinnowError(.model, "value \(output)", "has no known axes that a loss could be taken over")
        }
        self.builder = builder
        self.settings = settings
        self.output = output
        self.model = model.map { GraphIndex($0) }
        samples = model.flatMap { SampleAxes(of: $0).axis(ofOutput: output) } ?? 0
        prediction = try Self.samplesFirst(output, samples, builder)
    }

    private static func samplesFirst(_ value: ValueName, _ axis: Int, _ b: GraphBuilder) throws -> ValueName {
        guard axis > 0, let rank = b.info(of: value)?.rank else { return value }
        return try b.add(Transpose([axis] + (0..<rank).filter { $0 != axis }), value)
    }

    /// The prediction's extents.
    package var extents: [Extent] { builder.info(of: prediction)?.extents ?? [] }

    /// The prediction without a closing Softmax or LogSoftmax.
    func logits() throws -> ValueName {
        guard let model else { return prediction }
        return try Self.samplesFirst(builder.logits(of: output, in: model, samples: samples), samples, builder)
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
    /// One vector a sample.
    func rows(_ x: ValueName) throws -> ValueName { info(of: x)?.rank == 2 ? x : try add(Flatten(), x) }

    /// The mean of ½d² where d = |x − y| is below δ, else of δ·(d − ½δ).
    func huber(_ x: ValueName, _ y: ValueName, delta: Double) throws -> ValueName {
        let distance = try add(Abs(), subtract(x, y))
        let slope = try add(Min(), distance, scalar(delta, like: distance))
        return try add(ReduceMean(keepsAxes: false), multiply(slope, subtract(distance, multiply(slope, by: 0.5))))
    }

    /// x ÷ ‖x‖₂ along the last axis; what is shorter than 10⁻⁸ becomes 0 and gets no gradient.
    func unitVectors(_ x: ValueName) throws -> ValueName {
        let squares = try add(ReduceSum(axes: [-1]), square(x))
        let least = scalar(1e-16, like: x)
        let isLong = try add(Cast(to: info(of: x)?.elementType ?? .float32), add(Greater(), squares, least))
        return try multiply(x, divide(isLong, add(Sqrt(), add(Max(), squares, least))))
    }

    /// Σ x·y along the last axis.
    func dotProducts(_ x: ValueName, _ y: ValueName) throws -> ValueName {
        try add(ReduceSum(axes: [-1], keepsAxes: false), multiply(x, y))
    }

    /// ‖xᵢ − xⱼ‖₂ of all rows of a matrix, from 10⁻⁶ on.
    func distances(_ x: ValueName) throws -> ValueName {
        let squares = try add(ReduceSum(axes: [1]), square(x))
        let products = try multiply(add(MatMul(), x, add(Transpose([1, 0]), x)), by: -2)
        let sums = try add(add(squares, add(Transpose([1, 0]), squares)), products)
        return try add(Sqrt(), add(Max(), sums, scalar(1e-12, like: x)))
    }

    /// 1 where two samples have the same class, else 0: (N, N) for class indices (N).
    func samePairs(_ classes: ValueName, like x: ValueName) throws -> ValueName {
        let type = info(of: x)?.elementType ?? .float32
        func axis(_ number: Int64) -> ValueName { constant("axes", Tensor([number])) }
        let (rows, columns) = (try add(Unsqueeze(), classes, axis(1)), try add(Unsqueeze(), classes, axis(0)))
        return try add(Cast(to: type), add(Equal(), rows, columns))
    }
}
