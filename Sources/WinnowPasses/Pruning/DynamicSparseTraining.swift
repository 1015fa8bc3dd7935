import Foundation
import WinnowEngine
public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Trains a network that is sparse from the first step to the last; which weights are in use is found while it trains.
///
/// Every `interval` steps of the part `end` of the run each tensor gives up round(f·n) of its n weights in use, the smallest,
/// and takes as many others up, which begin at 0: those of the largest gradients (RigL; Evci et al. 2020, algorithm 1) or any
/// (SET; Mocanu et al. 2018). f = exchange/2·(1 + cos(π·t/t_end)).
public struct DynamicSparseTraining: TrainingPass {
    public static let name = "dynamic-sparse-training"
    public static let decides: TrainingDecision? = .zeros
    public static let summary = "trains sparse from the start, exchanging the least weights for others on the way"
    public static let guide = """
        Masks `sparsity` of the weights before the first step. Every `interval` steps each tensor drops its smallest weights \
        and takes up as many others: those of the largest gradients (`growth: gradient`, RigL) or any (`growth: random`, SET). \
        The part that is exchanged falls along a cosine to nothing at the part `end` of the run; the rest of the run trains \
        what is there. The number of weights in use never changes.
        """
    public static let strengths = [Strength.sparsity]

    public enum Growth: String, HyperparameterChoice, Codable {
        /// Where the loss falls fastest.
        case gradient
        /// Anywhere.
        case random
    }

    @Hyperparameter("sparsity of the whole run", in: 0...1) public var sparsity = 0.8
    @Hyperparameter("which weights are taken up") public var growth = Growth.gradient
    @Hyperparameter("part of a tensor's weights that is exchanged at first", in: 0...1) public var exchange = 0.3
    @Hyperparameter("steps between two exchanges", in: 1...1e9) public var interval = 100
    @Hyperparameter("part of the run after which masks stay", in: 0...1) public var end = 0.75
    public var rule = PruningRule()
    public var choice = WeightChoice()

    public init() {}

    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard rule.pattern == .unstructured, rule.rules.allSatisfy({ $0.settings.pattern == nil }) else {
            throw WinnowError(
                .recipe, "pattern", "is of weights that go together, but these are exchanged one by one", remedy: "leave it out")
        }
        let chosen = rule.targets(in: setup.model, try choice.selection(in: setup.model))
        setup.findings += chosen.findings.filter { $0.status == .skipped } + rule.remarks
        let weights = chosen.targets.compactMap { MaskedWeight($0, in: setup.model) }
        let prepared = try rule.prepared(for: chosen.targets, in: setup.model, context)
        setup.model = try setup.model.masking(prepared.masks(weights, .total(sparsity)))
        let names = Set(weights.map(\.tensor))
        let masked = setup.model.maskNodes.compactMap { node, weight, mask in
            names.contains(weight) ? node.output(0).map { ExchangeHook.Weight(name: weight, mask: mask, masked: $0) } : nil
        }
        if sparsity > 0 { setup.hooks.append(ExchangeHook(self, masked, seed: context.seed)) }
        setup.findings.append(Finding("graph", .done, .targetSparsity, after: sparsity))
    }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        PassResult(graph: try rule.finished(graph, choice.selection(in: graph)))
    }

    /// The part of the weights in use that is exchanged when so much of the run is done.
    func exchange(at fraction: Double) -> Double { end > 0 ? exchange / 2 * (1 + cos(.pi * fraction / end)) : 0 }
}

/// Exchanges weights between steps.
private struct ExchangeHook: TrainingHook {
    struct Weight {
        let name: ValueName
        let mask: ValueName
        /// What the layers read.
        let masked: ValueName
    }

    private let pass: DynamicSparseTraining
    private let weights: [Weight]
    private let seed: UInt64

    init(_ pass: DynamicSparseTraining, _ weights: [Weight], seed: UInt64) {
        self.pass = pass
        self.weights = weights
        self.seed = seed
    }

    var gradients: [ValueName] { pass.growth == .gradient ? weights.map(\.masked) : [] }

    mutating func step(_ moment: inout TrainingMoment) throws {
        guard moment.step > 0, moment.step % pass.interval == 0, moment.fraction < pass.end else { return }
        var random = RandomGenerator(seed: seed, stream: UInt64(moment.step))
        for weight in weights {
            guard let values = moment.variables[weight.name], let mask = moment.variables[weight.mask] else { continue }
            let gains =
                pass.growth == .gradient
                ? moment.gradient(of: weight.masked)?.map(\.magnitude) : (0..<values.elementCount).map { _ in random.uniform() }
            guard let gains else { continue }
            var connections = Connections(values: values.floats(), mask: mask.floats())
            connections.exchange(pass.exchange(at: moment.fraction), byGain: gains)
            moment.variables[weight.name] = Tensor(connections.values, shape: values.shape)
            moment.variables[weight.mask] = Tensor(connections.mask, shape: mask.shape)
        }
    }
}

/// A tensor's weights, of which some are in use.
struct Connections {
    var values: [Float]
    var mask: [Float]

    /// Drops the part of the weights in use that are smallest, and takes up as many that are not in use by then, of the largest
    /// gains. What comes into use begins at 0; what is dropped and taken up again goes on.
    mutating func exchange(_ part: Double, byGain gains: [Float]) {
        let before = mask
        let used = mask.indices.filter { mask[$0] != 0 }
        let dropped = used.map { values[$0].magnitude }.lowest(Budget.count(part, of: used.count))
        for index in dropped { mask[used[index]] = 0 }
        let free = mask.indices.filter { mask[$0] == 0 }
        for index in free.map({ -gains[$0] }).lowest(dropped.count) {
            mask[free[index]] = 1
            if before[free[index]] == 0 { values[free[index]] = 0 }
        }
    }
}
