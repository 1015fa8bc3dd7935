import WinnowEngine
public import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Trains channels small that are to be removed afterwards: loss + λ·Σ of a penalty over channels.
///
/// On the scales γ of BatchNormalization with `l1`: Network Slimming, λ·Σ|γ| (Liu et al. 2017, equation 1); on weights with
/// `group-lasso`: λ·Σ‖w_c‖₂ over output channels (Wen et al. 2016, equation 3). With `sparsity` only the channels that are
/// smallest at the beginning are drawn to zero, with `fade` they reach it.
public struct SparseTraining: TrainingPass {
    public static let name = "sparse-training"
    public static let summary = "draws channels towards zero while training, so that they can be removed afterwards"
    public static let guide = """
        Adds λ = `strength` times a penalty to the loss: on the scales of BatchNormalization (Network Slimming) or on the \
        weights that make each channel. `sparsity` restricts it to the part of the channels that is smallest at the beginning; \
        `fade` lets these shrink to exactly zero over that part of the run, while what the loss has to say of them fades too. Follow with \
        structured-pruning and finetune.
        """
    public static let strengths = [Strength("strength", none: 0)]

    public enum Penalty: String, HyperparameterChoice, Codable {
        /// Σ|w|
        case l1
        /// ½·Σw²
        case l2
        /// Σ_c √(Σw²) over the elements of each channel: whole channels go together.
        case groupLasso = "group-lasso"
    }

    public enum Subject: String, HyperparameterChoice, Codable {
        /// The scales of BatchNormalization, one number a channel.
        case scales
        /// The weights of layers, by output channel.
        case weights
    }

    @Hyperparameter("what is made small of each channel") public var penalty = Penalty.l1
    @Hyperparameter("whether scales of BatchNormalization or weights of layers are penalized") public var of = Subject.scales
    @Hyperparameter("factor of the penalty in the loss", in: 0...1e6) public var strength = 1e-4
    @Hyperparameter(
        "part of the channels that is penalized, smallest first: of all scales together, of each weight; 0: all", in: 0...1)
    public var sparsity = 0.0
    @Hyperparameter("part of the run in which those channels shrink to zero; 0: the penalty alone draws them", in: 0...1) public
        var fade = 0.0
    public var choice = WeightChoice()

    public init() {}

    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard fade == 0 || sparsity > 0 else {
            throw WinnowError(
                .recipe, "fade", "would let every channel shrink to zero", remedy: "say with sparsity which part of them")
        }
        let chosen = try penalized(in: setup.model)
        if chosen.isEmpty {
            let remedy =
                of == .scales
                ? "the model has no scales of BatchNormalization; of: weights penalizes those of layers"
                : "no layer tells its channels"
            setup.findings.append(Finding("graph", .skipped, reason: remedy))
        }
        let fading = chosen.filter { $0.places != nil }
        if fade > 0, strength > 0, !fading.isEmpty { setup.hooks.append(FadingHook(fading, until: fade)) }
    }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        let chosen = try penalized(in: setup.model)
        guard strength > 0, !chosen.isEmpty, let objective = setup.objective else { return }
        setup.objective = try objective.extended { b in
            let terms = try chosen.map { (strength, try $0.penalty(penalty, b)) }
            return try Loss.weightedSum(b, [(1, objective.loss)] + terms)
        }
    }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let findings = try penalized(in: graph).map { channels in
            Finding(channels.tensor, .done, .smallChannels, after: channels.smallPart(in: graph))
        }
        return PassResult(graph: graph, findings: findings)
    }

    /// What is penalized, with the channels that are where not all are.
    private func penalized(in graph: Graph) throws -> [PenalizedChannels] {
        let selection = try choice.selection(in: graph)
        var all = of == .scales ? graph.normalizationScales(selection) : graph.channelWeights(selection)
        guard sparsity > 0 else { return all }
        let norms = all.map { $0.norms(in: graph) }
        for group in of == .scales ? [Array(all.indices)] : all.indices.map({ [$0] }) {
            var cut = Budget.fraction(sparsity).cut(of: group.map { norms[$0] })
            for index in group { all[index].places = norms[index].map { cut.removes($0) } }
        }
        return all
    }
}

/// A tensor whose channels are made small.
struct PenalizedChannels {
    let tensor: ValueName
    /// The axis of the channels.
    let axis: Int
    /// What else makes these channels, one number for each: the shifts of a normalization.
    var companions: [ValueName] = []
    /// Which channels are meant; nil: all.
    var places: [Bool]?

    /// ‖w_c‖₂ of each channel.
    func norms(in graph: Graph) -> [Float] {
        guard let values = graph.initializers[tensor] else { return [] }
        var sums = [Double](repeating: 0, count: values.shape[axis])
        let (stride, extent) = (values.shape.strides[axis], values.shape[axis])
        for (place, value) in values.floats().enumerated() { sums[place / stride % extent] += Double(value) * Double(value) }
        return sums.map { Float($0.squareRoot()) }
    }

    func smallPart(in graph: Graph) -> Double {
        let norms = norms(in: graph)
        let limit = (norms.max() ?? 0) / 100
        return Double(norms.count { $0 <= limit }) / Double(max(1, norms.count))
    }

    /// 1 at the channels meant and 0 at the others, along `axis` of a tensor of this shape.
    func factors(_ shape: Shape, axis: Int) -> Tensor? {
        places.map { places in
            Tensor(places.map { $0 ? Float(1) : 0 }, shape: Shape(shape.indices.map { $0 == axis ? shape[axis] : 1 }))
        }
    }

    /// Adds the penalty of these channels, one number.
    func penalty(_ kind: SparseTraining.Penalty, _ b: GraphBuilder) throws -> ValueName {
        var values = tensor
        guard let shape = b.info(of: tensor)?.shape else { throw WinnowError(.model, "tensor \(tensor)", "has an unknown shape") }
        if let factors = factors(shape, axis: axis) { values = try b.multiply(values, b.constant("\(tensor).channels", factors)) }
        func sum(_ value: ValueName) throws -> ValueName { try b.add(ReduceSum(keepsAxes: false), value) }
        switch kind {
        case .l1: return try sum(b.add(Abs(), values))
        case .l2: return try b.multiply(sum(b.square(values)), by: 0.5)
        case .groupLasso:
            let others = shape.indices.filter { $0 != axis }
            let squares = try b.square(values)
            let channels = try others.isEmpty ? squares : b.add(ReduceSum(axes: others), squares)
            // The root has no slope at 0.
            return try sum(b.add(Sqrt(), b.add(channels, number: 1e-12)))
        }
    }
}

extension Graph {
    /// The scales of BatchNormalization that training changes, each once.
    fileprivate func normalizationScales(_ selection: Selection) -> [PenalizedChannels] {
        var seen: Set<ValueName> = []
        return nodes.compactMap { node in
            guard node.op is BatchNormalization, let scale = node.input(1), initializers[scale]?.elementType == .float32,
                initializers[scale]?.rank == 1, selection.reason(against: scale, of: node) == nil, seen.insert(scale).inserted
            else { return nil }
            let shift = node.input(2).flatMap { initializers[$0]?.elementType == .float32 ? $0 : nil }
            return PenalizedChannels(tensor: scale, axis: 0, companions: shift.map { [$0] } ?? [])
        }
    }

    /// The weights of layers that tell their output channels.
    fileprivate func channelWeights(_ selection: Selection) -> [PenalizedChannels] {
        WeightTargets(self, selection) { _ in nil }.targets.compactMap { target in
            guard target.stored.elementType == .float32, let axis = target.channelAxis else { return nil }
            return PenalizedChannels(tensor: target.tensor, axis: axis)
        }
    }
}
