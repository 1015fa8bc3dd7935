import Foundation
import Synchronization
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor
import WinnowTraining
@testable import Winnow

@Suite(.serialized) struct PipelineTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "winnow-pipeline-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func model() throws -> Model {
        try Model(Architecture.named("mlp").makeGraph(seed: 1, widths: [16, 12, 4]))
    }

    private func data() throws -> DataSplits {
        var random = RandomGenerator(seed: 3)
        let inputs = Tensor((0..<256 * 16).map { _ in random.uniform() }, shape: Shape([256, 16]))
        let labels = (0..<256).map { $0 % 4 }
        let data = try Dataset([.init(name: "input", inputs)], labels: labels)
        var splits = DataSplits()
        splits.training = data.subset(0..<192)
        splits.validation = data.subset(192..<256)
        return splits
    }

    private let recipe = """
        version: 1
        steps:
          - magnitude-pruning: { sparsity: 0.5, keep-mask: true }
          - finetune: { epochs: 3, batch-size: 32 }
          - fold-masks
          - static-quantization
        """

    private func bytes(of result: CompressionResult) throws -> [UInt8] { try ONNXFile.bytes(result.model.graph) }

    @Test func sameSeedSameBytes() throws {
        let pipeline = Pipeline(try Recipe(yaml: recipe), data: try data())
        let first = try pipeline.run(on: model())
        let second = try pipeline.run(on: model())
        #expect(try bytes(of: first) == bytes(of: second))
        #expect(first.steps.count == 4)
    }

    /// A rehearsal trains for one epoch, wherever the training comes from, and judges few candidates.
    @Test(
        arguments: [
            "finetune", "finetune: { with: [distillation] }", "distillation", "mutual-learning", "learned-step-quantization",
            "quantization-aware-training", "gradual-pruning", "dynamic-sparse-training", "rank-regularization",
        ])
    func rehearsalsAreShort(_ step: String) throws {
        let steps = try Recipe(yaml: "version: 1\nsteps:\n  - \(step)\n").rehearsed(on: model(), data: data())
        let epochs = steps.flatMap(\.findings).map(\.subject).filter { $0.hasPrefix("epoch ") }
        #expect(Set(epochs) == ["epoch 1"])
    }

    @Test(arguments: ["channel-search: { tolerance: 50, pruning: { budget: macs, sparsity: 0.4 } }", "iterative-pruning"])
    func rehearsalsJudgeFewCandidates(_ step: String) throws {
        let calls = Mutex(0)
        let judge = Judge("own") { (_: Model, _) in
            calls.withLock { $0 += 1 }
            return 1
        }
        _ = try Recipe(yaml: "version: 1\nsteps:\n  - \(step)\n").rehearsed(on: model(), data: data(), judge: judge)
        #expect((1...8).contains(calls.withLock { $0 }))
    }

    /// Who is stopped reads the name of what was asked for, and of no state where there is none.
    @Test func stopsAreNamed() throws {
        let cancellation = Cancellation()
        var pipeline = Pipeline(try Recipe(yaml: recipe), data: try data())
        pipeline.task = "apply"
        let error = try #require(throws: WinnowError.self) {
            try pipeline.run(on: model(), cancellation: cancellation) { _ in cancellation.cancel() }
        }
        #expect("\(error)" == "apply: was stopped on request")
    }

    /// A report of several steps shows how good the model is after each, on validation data; nobody else waits for that.
    @Test func stepsAreJudgedWhereThatIsAsked() throws {
        var pipeline = Pipeline(try Recipe(yaml: recipe), data: try data())
        #expect(try pipeline.run(on: model()).steps.allSatisfy { $0.result?.validationTop1 == nil && $0.result?.validationMetrics == nil })
        pipeline.judgesSteps = true
        let result = try pipeline.run(on: model())
        let validation = try #require(pipeline.data?.validation)
        #expect(result.steps.allSatisfy { $0.result?.validationTop1 != nil })
        #expect(try result.steps.last?.result?.validationTop1 == result.model.evaluated(on: validation).top1)
        pipeline.data?.validation?.labels = nil
        pipeline.recipe = try Recipe(yaml: "version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 0.5 }")
        let unlabelled = try #require(try pipeline.run(on: model()).steps.first?.result)
        #expect(unlabelled.validationTop1 == nil && unlabelled.validationMetrics?.isEmpty == false)
    }

    /// What the user judges by tells of the model before the steps and after each, and how it fails ends the run.
    @Test func stepsAreJudgedByTheMeasureAskedFor() throws {
        let steps = "version: 1\nsteps:\n  - magnitude-pruning: { sparsity: 0.5 }\n  - fold-masks\n"
        func run(_ measure: @escaping @Sendable (Model) throws -> Double) throws -> Report {
            var run = RecipeRun(try Recipe(yaml: steps), input: try model(), output: folder + "/judged.onnx", data: try data())
            (run.report, run.judges) = (folder + "/judged.html", [Judge("own") { model, _ in try measure(model) }])
            return try run()
        }
        @Sendable func weights(of model: Model) -> Double {
            Double(model.parameters.values.filter { $0.rank == 2 }.flatMap { $0.floats() }.count { $0 != 0 })
        }
        let report = try run(weights)
        let values = ([report.models.first] + report.steps.map(\.result)).map { $0?.validationMetrics?.first?.value }
        #expect(values == [240, 120, 120])
        // As the SQNR of a step that changes no output.
        #expect(try run { _ in .infinity }.steps.map { $0.result?.validationMetrics?.first?.value } == [.infinity, .infinity])
        let error = #expect(throws: WinnowError.self) {
            try run { model in
                guard weights(of: model) == 240 else { throw WinnowError(.data, "own", "knows no zeros") }
                return 1
            }
        }
        #expect(error?.problem.contains("knows no zeros") == true && error?.description.contains("step 1") == true)
    }

    /// A step that trains and has nothing to train on is told of before the first one works; no folder is left.
    @Test func missingTrainingDataIsToldOfFirst() throws {
        var pipeline = Pipeline(try Recipe(yaml: recipe))
        pipeline.stateFolder = folder + "/untrained"
        let seen = Counter()
        let error = #expect(throws: WinnowError.self) { try pipeline.run(on: model(), progress: { _ in _ = seen.next() }) }
        #expect(error?.subject == "step 2: finetune" && error?.problem.contains("needs training data") == true && error?.guide == "Finetune")
        #expect(seen.next() == 1 && !FileManager.default.fileExists(atPath: folder + "/untrained"))
    }

    /// Stopped after a few events, and run again until it ends, it gives the bytes of an undisturbed run.
    @Test(arguments: [4, 5, 6]) func stoppedRunsContinue(events: Int) throws {
        var whole = Pipeline(try Recipe(yaml: recipe), data: try data())
        whole.stateFolder = folder + "/whole"
        let expected = try bytes(of: whole.run(on: model()))
        for attempt in 0..<100 {
            let cancellation = Cancellation()
            let seen = Counter()
            var pipeline = Pipeline(try Recipe(yaml: recipe), data: try data())
            pipeline.stateFolder = folder + "/stopped"
            let stopping: @Sendable (Pipeline.Progress) -> Void = { _ in if seen.next() >= events { cancellation.cancel() } }
            guard let result = try? pipeline.run(on: model(), cancellation: cancellation, progress: stopping) else { continue }
            #expect(attempt > 0)
            #expect(try bytes(of: result) == expected)
            return
        }
        Issue.record("the run never ended")
    }

    /// Whatever a run reads is part of it: with other data, splits or seeds, another model or another teacher behind the same name, what
    /// was kept is refused.
    @Test func otherRunsAreRefused() throws {
        let teacher = folder + "/teacher.onnx"
        try model().write(to: teacher)
        let recipe = "version: 1\nsteps:\n  - finetune: { epochs: 1, with: [distillation: { teacher: \(teacher) }] }\n"
        func run(_ model: Model, _ recipe: String, _ change: (inout Pipeline) -> Void = { _ in }) throws {
            var pipeline = Pipeline(try Recipe(yaml: recipe), data: try data())
            pipeline.stateFolder = folder + "/state"
            change(&pipeline)
            _ = try pipeline.run(on: model)
        }
        let own = try model()
        try run(own, recipe)
        try run(own, recipe)
        let other = try Model(Architecture.named("mlp").makeGraph(seed: 2, widths: [16, 12, 4]))
        #expect(throws: WinnowError.self) { try run(other, recipe) }
        #expect(throws: WinnowError.self) { try run(own, recipe.replacing("epochs: 1", with: "epochs: 2")) }
        #expect(throws: WinnowError.self) { try run(own, recipe) { $0.seed = 1 } }
        #expect(throws: WinnowError.self) { try run(own, recipe) { $0.teacher = other } }
        let splits = try data()
        #expect(throws: WinnowError.self) { try run(own, recipe) { $0.data?.test = splits.validation } }
        #expect(throws: WinnowError.self) {
            try run(own, recipe) { pipeline in
                pipeline.data?.training = splits.validation
                pipeline.data?.validation = splits.training
            }
        }
        #expect(throws: WinnowError.self) { try run(own, recipe) { $0.calibration = splits.validation } }
        #expect(throws: WinnowError.self) { try run(own, recipe) { $0.judge = Judge("size") { model, _ in Double(model.parameters.count) } } }
        #expect(throws: WinnowError.self) {
            try run(own, recipe) { pipeline in
                pipeline.objective = { graph in
                    try Objective(of: graph) { try $0.add("ReduceMean", "logits", attributes: ["keepdims": 0]) }
                }
            }
        }
        try other.write(to: teacher)
        let error = #expect(throws: WinnowError.self) { try run(own, recipe) }
        #expect(error?.kind == .data)
    }
}

/// Counts across threads.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    func next() -> Int {
        lock.lock()
        defer { lock.unlock() }
        value += 1
        return value
    }
}
