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

    /// The extents of class indices for a prediction of these extents, samples first, whose classes lie along `axis`.
    static func classExtents(for prediction: [Extent], classes axis: Int) -> [Extent]

    /// The targets of data that must be looked at before, for the loss of some says nothing.
    static var checkedTargets: Set<LossTarget.Kind> { get }

    /// Why the loss says nothing of such a target, one of `checkedTargets`; nil where it does.
    static func objection(to target: TargetSample, _ settings: LossSettings) -> String?

    /// Whether such a target, one of `checkedTargets`, counts for nothing, as the settings want it.
    static func isLeftOut(_ target: TargetSample, _ settings: LossSettings) -> Bool

    /// Adds the loss to the graph that `place` builds. Throws `.model` for a prediction that it says nothing about.
    static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName
}

extension LossFunction {
    package static var settings: Set<LossSetting> { [] }
    package static var targets: Set<LossTarget.Kind> { [.values] }
    package static var comparesChannels: Bool { true }
    package static func classExtents(for prediction: [Extent], classes axis: Int) -> [Extent] { [prediction[0]] }
    package static var checkedTargets: Set<LossTarget.Kind> { [] }
    package static func objection(to target: TargetSample, _ settings: LossSettings) -> String? { nil }
    package static func isLeftOut(_ target: TargetSample, _ settings: LossSettings) -> Bool { false }
}

/// What a loss may be told beside prediction and target.
package enum LossSetting: String, CaseIterable, Sendable {
    case labelSmoothing = "label-smoothing"
    case ignore
    case classWeights = "class-weights"
    case delta, margin, temperature, blank, axis
    case zeroInfinity = "zero-infinity"
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
    /// Whether samples for which CTC has no path count as 0.
    package var zeroInfinity = false
    /// The output's axis of classes, from the end where it is below 0; nil: what target and graph tell.
    package var axis: Int?

    /// What stands for no class where labels are of places.
    package static let noClass = -1

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

extension GraphBuilder {
    /// Class indices as they are, and −1 in the place of what is none of `count` classes: what metrics leave out (`PlaceLabels`).
    func counted(_ labels: ValueName, classes count: Int) throws -> ValueName {
        let raised = try add(Max(), labels, constant("classes.first", scalar: Int64(0)))
        let nearest = try add(Min(), raised, constant("classes.last", scalar: Int64(count - 1)))
        return try add(Where(), add(Equal(), labels, nearest), labels, constant("classes.none", scalar: Int64(LossSettings.noClass)))
    }

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

    /// The mean of a matrix (N, N) of pairs, of which those of a sample with itself are 0 and do not count.
    func meanOverPairs(_ x: ValueName) throws -> ValueName {
        let count = try add(Sqrt(), add(Cast(to: info(of: x)?.elementType ?? .float32), add(SizeOf(), x)))
        // One sample alone has no pair.
        let others = try add(Max(), add(count, number: -1), scalar(1, like: count))
        return try multiply(add(ReduceMean(keepsAxes: false), x), divide(count, others))
    }

    /// 1 where two samples have the same class, else 0: (N, N) for class indices (N).
    func samePairs(_ classes: ValueName, like x: ValueName) throws -> ValueName {
        let type = info(of: x)?.elementType ?? .float32
        func axis(_ number: Int64) -> ValueName { constant("axes", Tensor([number])) }
        let (rows, columns) = (try add(Unsqueeze(), classes, axis(1)), try add(Unsqueeze(), classes, axis(0)))
        return try add(Cast(to: type), add(Equal(), rows, columns))
    }
}
