import Foundation
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor

/// What a search tries on one model: ways to leave parts away, to train what is left, and to store it.
struct SearchSpace {
    /// Leaves more away the larger its strength, from 0 to 1.
    struct Reduction {
        let make: (_ strength: Double) -> [PassStep]
        /// What comes behind it where quality counts.
        var repair: [PassStep] = []
    }

    /// How weights and activations are stored, as last steps of a recipe.
    struct Storage {
        let steps: [PassStep]
        /// What takes part in training, so that the model learns to live with it; the steps then fall away.
        var trained: (any TrainingPass)?
        /// Whether `steps` can be followed by training.
        var isTrainable = false
        /// Whether it is tried behind reductions too.
        var isCombined = true
        /// Whether it is the one before it with more care: tried only where that loses too much.
        var isCareful = false
        /// What comes at the very end, behind training too.
        var last: [PassStep] = []

        func between(_ first: [PassStep], _ last: [PassStep]) -> Storage {
            Storage(steps: first + steps, trained: trained, isTrainable: isTrainable, isCombined: isCombined, isCareful: isCareful, last: last)
        }
    }

    let prelude: [PassStep]
    let reductions: [Reduction]
    let storages: [Storage]
    /// Whether there is something to train on.
    let trains: Bool
    private let hasLabels: Bool
    /// Samples in one step of training: few enough for many steps an epoch.
    private let batchSize: Int
    /// Epochs that one candidate gets at most.
    let longestTraining: Int

    /// - Parameter profile: the runtime that integers are for.
    init(_ model: Graph, _ data: DataSplits?, _ targets: CompressionTargets, profile: Chosen<ExportProfiles>) throws {
        let training = data?.training
        trains = training != nil
        let count = max(1, training?.count ?? 1)
        batchSize = min(Self.largestBatch, max(Self.smallestBatch, 1 << Int(log2(Double(max(1, count / Self.stepsOfEpoch))))))
        longestTraining = max(Self.leastLongest, Self.longestSteps * batchSize / count)
        hasLabels = training.map { Evaluation.objection(to: model, on: $0) == nil } ?? false
        prelude = try Self.prelude(of: model)
        let countsBytes = targets.limits.keys.allSatisfy { $0 == .size || $0 == .zippedSize } && !targets.limits.isEmpty
        let normalization = model.nodes.contains { $0.op is BatchNormalization } ? [PassStep(BatchNormReestimation())] : []
        reductions = trains
            ? [
                Reduction(
                    make: { strength in
                        [PassStep(StructuredPruning { $0.sparsity = strength; $0.limits.budget = countsBytes ? .parameters : .macs })]
                    }, repair: normalization),
                Reduction { strength in
                    [PassStep(SVDFactorization { $0.ranking.size = 1 - strength; $0.ranking.budget = countsBytes ? .parameters : .macs })]
                },
            ] : []
        // Between codes and floats a normalization would be work of its own.
        let folding = normalization.isEmpty ? [] : [PassStep(FoldBatchNorm())]
        let last = Self.namesWeigh(model) ? [PassStep(ShortNames())] : []
        storages = Self.storages(hasData: training != nil, targets, profile).map { $0.between(folding, last) }
    }

    /// Whether names may be more than a hundredth of a compressed file.
    private static func namesWeigh(_ model: Graph) -> Bool {
        let names = model.nodes.reduce(0) { $0 + $1.name.utf8.count + ($1.inputs + $1.outputs).reduce(0) { $0 + $1.utf8.count } }
        return 100 * names > model.parameterCount
    }

    /// The passes that tidy up, those that find something to do.
    private static func prelude(of model: Graph) throws -> [PassStep] {
        var (graph, steps) = (model, [PassStep]())
        let passes: [any Pass] = [RemoveIdentity(), FoldConstants(), RemoveDeadNodes()]
        for pass in passes {
            let result = try pass(graph).graph
            if result.nodes.count != graph.nodes.count { steps.append(PassStep(pass)) }
            graph = result
        }
        return steps
    }

    private static let (smallestBatch, largestBatch, stepsOfEpoch) = (8, 128, 64)
    private static let (leastLongest, longestSteps) = (30, 8000)

    private static func storages(hasData: Bool, _ targets: CompressionTargets, _ profile: Chosen<ExportProfiles>) -> [Storage] {
        let weights = [
            Storage(steps: [PassStep(WeightOnlyQuantization())], isCombined: !hasData),
            Storage(steps: [PassStep(WeightOnlyQuantization { $0.bits = 4 })]),
            Storage(steps: [PassStep(Palettization())], isTrainable: true),
        ]
        guard hasData else { return weights }
        let integers = [
            Storage(
                steps: [PassStep(StaticQuantization { $0.codes.profile = profile })],
                trained: QuantizationAwareTraining { $0.codes.profile = profile }),
            Storage(steps: [PassStep(StaticQuantization { $0.codes.profile = profile; $0.precision.maxDrop = targets.maxDrop })], isCombined: false,
                isCareful: true),
        ]
        return [Storage(steps: [])] + integers + weights
    }

    /// Training for so many epochs, toward the labels and the original where there are labels, else toward the original alone.
    ///
    /// - Parameter pass: what takes part beside the teacher.
    func recovery(epochs: Int, with pass: (any TrainingPass)? = nil) -> PassStep {
        PassStep(
            Finetune { finetune in
                finetune.epochs = epochs
                finetune.batchSize = batchSize
                if hasLabels { finetune.with = [PassStep(Distillation { $0.temperature = 2; $0.alpha = 0.9 })] }
                finetune.with += pass.map { [PassStep($0)] } ?? []
            })
    }

    static func words(epochs: Int) -> String { "\(epochs) epoch\(epochs == 1 ? "" : "s")" }

    /// Whether a teacher alone takes part in training.
    static func isPlain(_ pass: Finetune) -> Bool { pass.with.allSatisfy { $0.pass is Distillation } }

    /// How a step is named in the title of a trial; nil: it only tidies up.
    static func words(for step: PassStep) -> String? {
        switch step.pass {
        case let pass as StructuredPruning: "\(step.name) \(pass.sparsity.shortText)"
        case let pass as SVDFactorization: "\(step.name) \((1 - (pass.ranking.size ?? 1)).shortText)"
        case let pass as Finetune:
            ([words(epochs: pass.epochs)] + pass.with.filter { !($0.pass is Distillation) }.map { "with \($0.name)" }).joined(separator: " ")
        case let pass as WeightOnlyQuantization: "\(step.name) \(pass.bits)"
        case let pass as Palettization: "\(step.name) \(pass.bits)"
        case let pass as StaticQuantization: step.name + (pass.precision.maxDrop.map { " within \($0.shortText)" } ?? "")
        case is FoldBatchNorm, is RemoveIdentity, is FoldConstants, is RemoveDeadNodes, is BatchNormReestimation, is ShortNames: nil
        default: step.name
        }
    }
}
