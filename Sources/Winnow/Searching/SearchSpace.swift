import Foundation
import WinnowEngine
import WinnowGraph
import WinnowPasses
import WinnowTensor

/// What a search tries on one model: ways to leave parts away, to train what is left, and to store it.
struct SearchSpace {
    /// Leaves more away the larger its strength, from 0 to 1.
    struct Reduction {
        let make: (_ strength: Double) -> PassStep
    }

    /// How weights and activations are stored, as last steps of a recipe.
    struct Storage {
        let steps: [PassStep]
        /// What takes part in training, so that the model learns to live with it; the steps then fall away.
        var trained: (any TrainingPass)?
        /// Whether `steps` can be followed by training.
        var isTrainable = false
    }

    let prelude: [PassStep]
    let reductions: [Reduction]
    let storages: [Storage]
    /// Whether there is something to train on.
    let trains: Bool
    private let hasLabels: Bool

    /// - Parameter profile: the runtime that integers are for.
    init(_ model: Graph, _ data: DataSplits?, _ targets: CompressionTargets, profile: Chosen<ExportProfiles>) throws {
        let training = data?.training
        trains = training != nil
        hasLabels = training.map { Evaluation.objection(to: model, on: $0) == nil } ?? false
        prelude = try Self.prelude(of: model)
        let countsBytes = targets.limits.keys.allSatisfy { $0 == .size || $0 == .zippedSize } && !targets.limits.isEmpty
        reductions = trains
            ? [
                Reduction { strength in
                    PassStep(StructuredPruning { $0.sparsity = strength; $0.limits.budget = countsBytes ? .parameters : .macs })
                },
                Reduction { strength in
                    PassStep(SVDFactorization { $0.ranking.size = 1 - strength; $0.ranking.budget = countsBytes ? .parameters : .macs })
                },
            ] : []
        storages = Self.storages(hasData: training != nil, targets, profile)
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

    private static func storages(hasData: Bool, _ targets: CompressionTargets, _ profile: Chosen<ExportProfiles>) -> [Storage] {
        let weights = [
            Storage(steps: [PassStep(WeightOnlyQuantization())]),
            Storage(steps: [PassStep(WeightOnlyQuantization { $0.bits = 4 })]),
            Storage(steps: [PassStep(Palettization())], isTrainable: true),
        ]
        guard hasData else { return weights }
        let integers = [
            Storage(
                steps: [PassStep(StaticQuantization { $0.codes.profile = profile })],
                trained: QuantizationAwareTraining { $0.codes.profile = profile }),
            Storage(steps: [PassStep(StaticQuantization { $0.codes.profile = profile; $0.precision.maxDrop = targets.maxDrop })]),
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
                if hasLabels { finetune.with = [PassStep(Distillation { $0.temperature = 2; $0.alpha = 0.9 })] }
                finetune.with += pass.map { [PassStep($0)] } ?? []
            })
    }

    /// How a step is named in the title of a trial; nil: it only tidies up.
    static func words(for step: PassStep) -> String? {
        switch step.pass {
        case let pass as StructuredPruning: "\(step.name) \(pass.sparsity.shortText)"
        case let pass as SVDFactorization: "\(step.name) \((1 - (pass.ranking.size ?? 1)).shortText)"
        case let pass as Finetune:
            (["\(pass.epochs) epoch\(pass.epochs == 1 ? "" : "s")"] + pass.with.filter { !($0.pass is Distillation) }.map { "with \($0.name)" })
                .joined(separator: " ")
        case let pass as WeightOnlyQuantization: "\(step.name) \(pass.bits)"
        case let pass as Palettization: "\(step.name) \(pass.bits)"
        case let pass as StaticQuantization: step.name + (pass.precision.maxDrop.map { " within \($0.shortText)" } ?? "")
        case is RemoveIdentity, is FoldConstants, is RemoveDeadNodes: nil
        default: step.name
        }
    }
}
