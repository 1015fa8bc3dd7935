import Foundation
import WinnowEngine
import WinnowGraph
import WinnowPasses
import WinnowTensor

/// How long training takes on this machine, measured once at the beginning of a search, so that what it tries does not depend on how often it
/// was stopped.
struct SearchPace: Codable {
    /// Of training the original for an epoch and judging it; nil: it cannot be trained.
    var secondsPerEpoch: Double?
    /// Why it cannot be trained.
    var objection: String?
    /// What it took to measure this.
    var seconds = 0.0
}

extension SearchPace {
    /// Long enough that a clock tells it from unrest.
    private static let leastSeconds = 0.5

    /// Read back where an earlier run measured it, else measured on as few samples as tell.
    static func measured(
        _ space: SearchSpace, of model: Graph, _ data: DataSplits?, _ context: PassContext, in state: RunState
    ) throws -> SearchPace {
        if let (pace, _) = try state.load(SearchPace.self) { return pace }
        var pace = SearchPace()
        if let training = data?.training {
            let start = ContinuousClock.now
            do {
                let judging = try data?.validation.map { validation in try seconds { _ = try context.evaluate(model, validation) } } ?? 0
                pace.secondsPerEpoch = try judging + secondsPerEpoch(space, of: model, on: training, context)
            } catch let error as WinnowError where error.kind != .cancelled { pace.objection = "\(error)" }
            pace.seconds = (ContinuousClock.now - start) / .seconds(1)
        }
        try state.save(pace)
        return pace
    }

    private static func secondsPerEpoch(
        _ space: SearchSpace, of model: Graph, on training: Dataset, _ context: PassContext
    ) throws -> Double {
        var count = min(training.count, 4 * space.batchSize)
        while true {
            var context = context
            (context.training, context.validation) = (training.drawn(count, seed: context.seed), nil)
            func time(_ epochs: Int) throws -> Double { try seconds { _ = try space.recovery(epochs: epochs).pass(model, in: context) } }
            // Two lengths, so that planning the first step falls away.
            let (one, three) = try (time(1), time(3))
            let epoch = max(1e-6, (three - one) / 2)
            if epoch >= leastSeconds || count == training.count { return epoch * Double(training.count) / Double(count) }
            count = min(training.count, 4 * count)
        }
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double { try ContinuousClock().measure(body) / .seconds(1) }
}
