import WinnowEngine
package import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Like AdaRound, but for the layers of a block together: how far up every number goes is learned by gradient descent through the
/// block, so that its outputs come nearest to those that the block had, on the inputs that the blocks before it give by now
/// (BRECQ; Li et al. 2021). A block ends where but one value is needed later on, as behind a residual sum, and has three layers
/// or more. One whose nearest codes cost less keeps them.
package struct BlockRounding: BlockWiseRounding {
    package static let name = "brecq"
    package static let needs = PassNeeds.calibration
    private static let layerCount = 3
    private static let batchSize = 16
    private static let rate = 0.03

    private let choice: RoundingChoice

    package init(_ choice: RoundingChoice) { self.choice = choice }

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) -> RoundedWeight? { nil }

    package func round(
        _ tasks: [PendingRounding], in graph: Graph, _ context: PassContext, _ done: (RoundingTask, RoundedWeight?) throws -> Void
    ) throws {
        var rest = Dictionary(tasks.map { ($0.target.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        let alone = tasks.map(\.target).filter { $0.sites.count == 1 && $0.stored.elementType == ElementType.float32 }
        let sites = alone.map { $0.sites[0] }.filter { $0.holder == nil }
        var changed = graph
        for block in GraphBlock.all(of: graph, around: sites, layerCount: Self.layerCount) {
            let own = block.tensors.compactMap { rest[$0]?.task }
            guard let samples = try BlockSamples(block, graph, changed, context, sampleCount: choice.roundingSamples) else { continue }
            let rounded = try learn(own, samples, context)
            for task in own {
                guard let weight = rounded[task.target.tensor] else { continue }
                rest[task.target.tensor] = nil
                try done(task, RoundedWeight(values: weight, parameters: task.parameters))
            }
            changed = try changed.settingInitializers(rounded)
        }
        for pending in tasks where rest[pending.target.tensor] != nil { try done(pending.task, nil) }
    }

    private func learn(_ tasks: [RoundingTask], _ samples: BlockSamples, _ context: PassContext) throws -> [ValueName: Tensor] {
        let nearest = Dictionary(
            uniqueKeysWithValues: tasks.map { ($0.target.tensor, $0.parameters.roundTrip($0.target.values)) })
        let error = try samples.error(nearest, context)
        guard error > 0, error.isFinite else { return nearest }
        let b = GraphBuilder(extending: samples.graph)
        let weights = tasks.map { SoftWeight($0, b) }
        let softened = try weights.map { try $0.value(b) }
        let hook = RoundingHook(
            sharpness: b.constant("rounding.sharpness", scalar: Float(20)), pressure: b.constant("rounding.pressure", scalar: Float(0)))
        let total = Double(weights.reduce(0) { $0 + $1.count })
        let looseness = try Loss.weightedSum(b, weights.map { (Double($0.count) / total, try b.roundingLooseness($0.logits, hook.sharpness)) })
        let distances = try samples.goals.map { goal in
            (1 / error, try Loss.meanSquaredError(b, goal.output, b.input(goal.name, .float32, goal.extents)))
        }
        let loss = try b.add(Loss.weightedSum(b, distances), b.multiply(looseness, hook.pressure))
        var edit = b.edit()
        for (task, value) in zip(tasks, softened) { edit.rewired[task.target.tensor] = value }
        edit.outputs = [loss]
        let objective = Objective(graph: try samples.graph.applying(edit), loss: loss)
        let batch = min(samples.graph.fixedBatchSize ?? Self.batchSize, samples.data.count)
        var configuration = TrainingConfiguration(
            epochs: max(1, choice.roundingSteps * batch / max(1, samples.data.count)), batchSize: batch, learningRate: Self.rate,
            seed: context.seed)
        configuration.dropsLastBatch = true
        configuration.keepsBest = false
        var trainer = Trainer(objective.graph, objective: objective, configuration: configuration)
        trainer.frozen = Set(objective.graph.initializerNames).subtracting(weights.map(\.logits))
        trainer.hooks = [hook]
        trainer.cancellation = context.cancellation
        let model = try trainer.train(on: samples.data).model
        let learned = Dictionary(
            uniqueKeysWithValues: zip(tasks, weights).map { ($0.target.tensor, $1.rounded(model.initializers[$1.logits])) })
        return try samples.error(learned, context) < error ? learned : nearest
    }
}

/// A weight whose numbers lie between two codes: s · (clip(⌊w / s⌋ + z + h) − z), h = clip(1.2·σ(v) − 0.1, 0, 1).
private struct SoftWeight {
    let task: RoundingTask
    let logits: ValueName
    private let grid: RoundingGrid
    private let lower: [Float]

    var count: Int { lower.count }
    private var shape: Shape { task.target.stored.shape }

    init(_ task: RoundingTask, _ b: GraphBuilder) {
        self.task = task
        let values = task.target.values.floats()
        grid = task.parameters.grid(at: Array(values.indices), in: task.target.stored.shape, of: values)
        let quotients = zip(values, grid.scales).map { $0 / ($1 == 0 ? 1 : $1) }
        lower = quotients.map { $0.rounded(.down) }
        let start = Tensor(SoftRounding.logits(of: quotients.map(SoftRounding.start)), shape: task.target.stored.shape)
        logits = b.constant("\(task.target.tensor).logits", start)
    }

    func value(_ b: GraphBuilder) throws -> ValueName {
        func constant(_ name: String, _ values: [Float]) -> ValueName {
            b.constant("\(task.target.tensor).\(name)", Tensor(values, shape: shape))
        }
        let zeros = Array(grid.zeros)
        let floors = constant("lower", zip(lower, zeros).map { $0 + $1 })
        let codes = try b.clip(b.add(floors, b.softRounding(logits)), low: Double(grid.low), high: Double(grid.high))
        let centred = zeros.contains { $0 != 0 } ? try b.subtract(codes, constant("zeros", zeros)) : codes
        return try b.multiply(centred, constant("scales", Array(grid.scales)))
    }

    /// Every h as the nearer of 0 and 1.
    func rounded(_ trained: Tensor?) -> Tensor {
        let ups = (trained?.floats() ?? []).map { $0 >= 0 ? Float(1) : 0 }
        let (scales, zeros) = (Array(grid.scales), Array(grid.zeros))
        let values = lower.indices.map { index -> Float in
            let code = lower[index] + (index < ups.count ? ups[index] : 0)
            return scales[index] * min(max(code, grid.low - zeros[index]), grid.high - zeros[index])
        }
        return task.parameters.roundTrip(Tensor(values, shape: shape))
    }
}
