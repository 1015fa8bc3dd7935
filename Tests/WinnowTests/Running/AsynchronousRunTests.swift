import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// What is awaited is done elsewhere, says how far it is, and ends when its task is cancelled.
@Suite(.serialized) struct AsynchronousRunTests {
    private let recipe = Recipe {
        MagnitudePruning { $0.sparsity = 0.5; $0.rule.keepMask = true }
        Finetune { $0.epochs = 3; $0.batchSize = 32 }
        FoldMasks()
    }

    private func model() throws -> Model { try Model(Architecture.named("mlp").makeGraph(seed: 1, widths: [16, 12, 4])) }

    private func data() throws -> DataSplits {
        var random = RandomGenerator(seed: 3)
        let inputs = Tensor((0..<256 * 16).map { _ in random.uniform() }, shape: [256, 16])
        return try DataSplits(splitting: Dataset([.init(name: "input", inputs)], labels: (0..<256).map { $0 % 4 }))
    }

    @Test func theSameAsOnTheCallingThread() async throws {
        let (model, data) = (try model(), try data())
        let events = Counter()
        let awaited = try await recipe.run(on: model, data: data) { progress in
            if !Thread.isMainThread, progress.stepCount == 3 { events.next() }
        }
        let direct = try await Cancellation.ofTask { try Pipeline(recipe, data: data).run(on: model, cancellation: $0) }
        #expect(try ONNXFile.bytes(awaited.model.graph) == ONNXFile.bytes(direct.model.graph))
        #expect(awaited.findings == direct.findings && awaited.steps.count == 3)
        #expect(events.next() > 1)
        #expect("\(awaited)".contains("finetune: "))
    }

    /// A cancelled task ends its run, which goes on from its state when it is asked for again.
    @Test func cancellingTheTaskEndsTheRun() async throws {
        let (model, data) = (try model(), try data())
        let folder = NSTemporaryDirectory() + "winnow-cancelled-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var pipeline = Pipeline(recipe, data: data)
        let whole = try await pipeline.run(on: model)
        pipeline.stateFolder = folder
        let stopped = pipeline
        let task = Task {
            try await stopped.run(on: model) { progress in
                if progress.stepName == "finetune" { usleep(50_000) }
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        let error = await #expect(throws: WinnowError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
        #expect(try await ONNXFile.bytes(pipeline.run(on: model).model.graph) == ONNXFile.bytes(whole.model.graph))
    }

    @Test func aTaskCancelledBeforehandDoesNothing() async throws {
        let (model, recipe) = (try model(), recipe)
        let task = Task { () -> CompressionResult in
            while !Task.isCancelled { await Task.yield() }
            return try await recipe.run(on: model)
        }
        task.cancel()
        let error = await #expect(throws: WinnowError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }
}

/// Counts across threads.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    @discardableResult
    func next() -> Int {
        lock.withLock {
            value += 1
            return value
        }
    }
}
