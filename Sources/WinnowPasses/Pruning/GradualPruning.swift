import WinnowEngine
public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Tightens masks step by step while the model trains, fast at first and then ever slower.
///
/// s = s_f + (s₀ − s_f)·(1 − (t − t₀)/(t₁ − t₀))³ (Zhu and Gupta 2017, equation 1).
public struct GradualPruning: TrainingPass {
    public static let name = "gradual-pruning"
    public static let decides: TrainingDecision? = .zeros
    public static let summary = "raises sparsity little by little during training"
    public static let guide = """
        Masks the weights that matter least, a few more every `interval` steps, along a cubic schedule between the parts \
        `begin` and `end` of the run; the rest of the run trains what is left. Pruned weights stay pruned, unless `regrow` lets \
        them train on beneath the mask and come back.
        """
    public static let strengths = [Strength.sparsity]

    @Hyperparameter("sparsity at the end", in: 0...1) public var sparsity = 0.8
    @Hyperparameter("part of the run before pruning begins", in: 0...1) public var begin = 0.0
    @Hyperparameter("part of the run after which masks stay", in: 0...1) public var end = 0.7
    @Hyperparameter("steps between two changes of the masks", in: 1...1e9) public var interval = 50
    @Hyperparameter("how sparsity rises") public var rise = SparsityRise.cubic
    public enum Count: String, HyperparameterChoice, Codable {
        /// As many as make the sparsity of all weights.
        case total
        /// Those below the last that the sparsity would take: one fewer, and equal ones stay (PaddleSlim).
        case below
    }

    @Hyperparameter("how many weights a sparsity stands for: exactly so many, or all below the last of them as PaddleSlim counts")
    public var count = Count.total
    @Hyperparameter("train pruned weights on by the gradient of their masked selves; masks are then found anew among all weights")
    public var regrow = false
    public var rule = PruningRule(scope: .global)
    public var choice = WeightChoice()

    public init() {}

    public var files: [String] { rule.files }
    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard begin <= end else { throw WinnowError(.recipe, "begin", "is after end") }
        guard count == .total || regrow else {
            throw WinnowError(
                .recipe, "count below", "is of all weights, but pruned ones are not ranked anew", remedy: "set regrow to true")
        }
        let chosen = try rule.fittingTargets(in: setup.model, choice.selection(in: setup.model))
        let targets = chosen.targets
        setup.findings += chosen.findings.filter { $0.status == .skipped } + rule.remarks
        let weights = targets.compactMap { MaskedWeight($0, in: setup.model) }
        let prepared = try rule.prepared(for: targets, in: setup.model, context)
        setup.model = try setup.model.masking(
            Dictionary(weights.map { ($0.tensor, $0.currentMask) }, uniquingKeysWith: { first, _ in first }))
        let masks = Dictionary(setup.model.maskNodes.map { ($0.weight, $0.mask) }, uniquingKeysWith: { first, _ in first })
        if regrow {
            let chosen = Set(weights.map(\.tensor))
            for (node, weight, _) in setup.model.maskNodes where chosen.contains(weight) {
                setup.options[weight, default: ParameterOptions()].gradientSource = node.output(0)
            }
        }
        setup.hooks.append(GradualMaskHook(self, prepared, weights, masks))
        setup.findings.append(Finding("graph", .done, .targetSparsity, after: sparsity))
    }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        PassResult(graph: try rule.finished(graph, choice.selection(in: graph)))
    }
}

/// Changes masks between steps.
private struct GradualMaskHook: TrainingHook {
    private let pass: GradualPruning
    private let pruning: PreparedPruning
    private let weights: [ValueName]
    /// The mask of each weight.
    private let masks: [ValueName: ValueName]
    private let startSparsity: Double
    private(set) var isSettled = false

    init(_ pass: GradualPruning, _ pruning: PreparedPruning, _ weights: [MaskedWeight], _ masks: [ValueName: ValueName]) {
        self.pass = pass
        self.pruning = pruning
        self.weights = weights.map(\.tensor)
        self.masks = masks
        let total = weights.reduce(0) { $0 + $1.count }
        startSparsity = 1 - Double(weights.reduce(0) { $0 + $1.keptCount }) / Double(max(1, total))
    }

    mutating func step(_ moment: inout TrainingMoment) throws {
        let progress = pass.end > pass.begin ? (moment.fraction - pass.begin) / (pass.end - pass.begin) : 1
        isSettled = moment.fraction >= pass.end
        // One more change at the step that reaches the end, so that the sparsity asked for is met exactly.
        let isLast = isSettled && Double(moment.step - 1) / Double(max(1, moment.totalSteps)) < pass.end
        guard moment.fraction >= pass.begin, isLast || (!isSettled && moment.step % pass.interval == 0) else { return }
        let sparsity = pass.rise.sparsity(
            round: Int(min(1, progress) * 1e6), of: 1_000_000, from: min(startSparsity, pass.sparsity),
            to: pass.sparsity)
        let current = weights.compactMap { weight in
            masks[weight].flatMap { mask in
                MaskedWeight(weight, moment.variables[weight], mask: pass.regrow ? nil : moment.variables[mask])
            }
        }
        let reach = pass.sparsity > 0 ? sparsity / pass.sparsity : 0
        let budget: Budget = pass.count == .below ? .below(sparsity) : .total(sparsity)
        for (weight, tensor) in try pruning.masks(current, budget, reach: reach) {
            if let mask = masks[weight] { moment.variables[mask] = tensor }
        }
    }
}
