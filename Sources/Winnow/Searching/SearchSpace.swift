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
        let words: String
        let make: (_ strength: Double) -> any Pass
        /// What comes behind it where the model is trained on.
        var repair: [PassStep] = []
    }

    /// How weights and activations are stored.
    struct Storage {
        /// How training goes on with codes.
        enum Training {
            case none
            /// On the stored model.
            case behind
            /// By what takes part in training in the place of `steps`.
            case along(any TrainingPass)
        }

        let words: String
        var steps: [PassStep] = []
        var training = Training.none
        /// Whether it is tried behind reductions too.
        var isCombined = true
        /// Whether it is the one before it with more care: tried only where that loses too much.
        var isCareful = false

        var isTrainable: Bool { if case .none = training { false } else { true } }
    }

    /// Passes that tidy up, before all others.
    let prelude: [PassStep]
    /// Passes that make the file small and fast to read, behind all others.
    let closing: [PassStep]
    let reductions: [Reduction]
    /// All storages, floats first.
    let storages: [Storage]
    /// Whether there is something to train on.
    let trains: Bool
    private let hasLabels: Bool
    /// Samples in one step of training: few enough for many steps an epoch.
    let batchSize: Int
    /// Epochs that one candidate gets at most.
    let longestTraining: Int

    private static let (smallestBatch, largestBatch, stepsOfEpoch) = (8, 128, 64)
    private static let (leastLongest, longestSteps) = (30, 8000)

    /// - Parameters:
    ///   - profile: the runtime that integers are for.
    ///   - scale: on which drops count.
    init(_ model: Graph, _ data: DataSplits?, _ targets: CompressionTargets, profile: Chosen<ExportProfiles>, scale: ScoreScale) throws {
        let training = data?.training
        trains = training != nil
        let count = max(1, training?.count ?? 1)
        batchSize = min(Self.largestBatch, max(Self.smallestBatch, 1 << Int(log2(Double(max(1, count / Self.stepsOfEpoch))))))
        longestTraining = max(Self.leastLongest, Self.longestSteps * batchSize / count)
        hasLabels = training.map { ClassLabels(of: $0, for: model).objection == nil } ?? false
        prelude = try Self.prelude(of: model)
        closing = Self.namesWeigh(model) ? [PassStep(ShortNames())] : []
        let normalizes = model.nodes.contains { $0.op is BatchNormalization }
        reductions = trains ? Self.reductions(targets, repair: normalizes ? [PassStep(BatchNormReestimation())] : []) : []
        // Between codes and floats a normalization would be work of its own.
        let folding = normalizes ? [PassStep(FoldBatchNorm())] : []
        storages = Self.storages(hasData: trains, targets, profile, scale).map { storage in
            var storage = storage
            storage.steps = folding + storage.steps
            return storage
        }
    }

    private static func reductions(_ targets: CompressionTargets, repair: [PassStep]) -> [Reduction] {
        let countsBytes = !targets.limits.isEmpty && targets.limits.keys.allSatisfy { $0 == .size || $0 == .zippedSize }
        return [
            Reduction(
                words: StructuredPruning.name,
                make: { strength in StructuredPruning { $0.sparsity = strength; $0.limits.budget = countsBytes ? .parameters : .macs } },
                repair: repair),
            Reduction(words: SVDFactorization.name) { strength in
                SVDFactorization { $0.ranking.size = 1 - strength; $0.ranking.budget = countsBytes ? .parameters : .macs }
            },
        ]
    }

    private static func storages(
        hasData: Bool, _ targets: CompressionTargets, _ profile: Chosen<ExportProfiles>, _ scale: ScoreScale
    ) -> [Storage] {
        let floats = Storage(words: "float")
        // Runtimes turn codes of weights alone into floats: that serves bytes, not time.
        let asksForTime = targets.limits[.latency] != nil && targets.limits[.size] == nil && targets.limits[.zippedSize] == nil
        let weights = [
            Storage(words: "int8 weights", steps: [PassStep(WeightOnlyQuantization())], isCombined: !hasData),
            Storage(words: "4-bit weights", steps: [PassStep(WeightOnlyQuantization { $0.bits = 4 })], isCombined: !asksForTime),
            Storage(words: "palettes of 16", steps: [PassStep(Palettization())], training: .behind, isCombined: !asksForTime),
        ]
        guard hasData else { return [floats] + weights }
        let integers = [
            Storage(
                words: "int8", steps: [PassStep(StaticQuantization { $0.codes.profile = profile })],
                training: .along(QuantizationAwareTraining { $0.codes.profile = profile })),
            Storage(
                words: "int8 within \(targets.maxDrop.shortText)\(scale.dropUnit)",
                steps: [PassStep(StaticQuantization { $0.codes.profile = profile; $0.precision.maxDrop = targets.maxDrop })],
                isCombined: false, isCareful: true),
        ]
        return [floats] + integers + weights
    }

    /// Whether names may be more than a hundredth of a compressed file.
    private static func namesWeigh(_ model: Graph) -> Bool {
        let names = model.nodes.reduce(0) { $0 + $1.name.utf8.count + ($1.inputs + $1.outputs).reduce(0) { $0 + $1.utf8.count } }
        return 100 * names > model.parameterCount
    }

    /// The passes that tidy up, those that find something to do.
    private static func prelude(of model: Graph) throws -> [PassStep] {
        var (graph, steps) = (model, [PassStep]())
        if model.noteByteCount > 0 { steps.append(PassStep(RemoveNotes())) }
        let passes: [any Pass] = [RemoveIdentity(), FoldConstants(), RemoveDeadNodes()]
        for pass in passes {
            let result = try pass(graph).graph
            if result.nodes.count != graph.nodes.count { steps.append(PassStep(pass)) }
            graph = result
        }
        return steps
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
}
