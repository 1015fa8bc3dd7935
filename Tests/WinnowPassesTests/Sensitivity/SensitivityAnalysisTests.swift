import Synchronization
import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct SensitivityAnalysisTests {
    /// The part of the weights that are not zero, and how often it was asked for.
    private final class Density: Sendable {
        let count = Mutex(0)

        var judge: Judge {
            Judge("density") { graph, _, _ in
                self.count.withLock { $0 += 1 }
                let tensors = graph.initializers.values.filter { $0.rank > 1 }
                return Double(tensors.reduce(0) { $0 + $1.elementCount - $1.zeroCount }) / 1000
            }
        }
    }

    @Test(arguments: SensitivityUnit.allCases)
    func lossesAreThoseOfThePassOnThatPartAlone(_ unit: SensitivityUnit) throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let result = try SensitivityAnalysis(unit, strengths: [0.5, 0.9])(graph, in: context)
        let validation = try context.validationData(for: graph)
        let before = try Evaluation(of: graph, on: validation).top1
        #expect(result.baseline == before && result.metric == "top-1")
        #expect(result.names.first == (unit == .layer ? "conv1" : "conv1.weight"))
        for strength in result.strengths {
            let values: [String: HyperparameterValue] = ["sparsity": .number(strength), "only": ["conv2.weight"]]
            let pass: any Pass =
                unit == .group ? try StructuredPruning(hyperparameters: values) : try MagnitudePruning(hyperparameters: values)
            let after = try Evaluation(of: pass(graph).graph, on: validation).top1
            #expect(result.loss(of: unit == .layer ? "conv2" : "conv2.weight", at: strength) == (before - after) / before)
        }
        let measured = Set(result.table.curves.keys).union(result.skipped.map(\.name))
        #expect(measured == Set(result.names), "nothing is passed over in silence")
    }

    /// The step that is printed leaves alone what loses too much, and is a step that recipes take; what it leaves is as it was.
    @Test(arguments: SensitivityUnit.allCases)
    func exceptionsAreAStep(_ unit: SensitivityUnit) throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let settings: [String: HyperparameterValue] = ["except": ["fc2.weight"]]
        let pass: any Pass = try unit == .group ? StructuredPruning(hyperparameters: settings) : MagnitudePruning(hyperparameters: settings)
        let result = try SensitivityAnalysis(unit, pass: pass, strengths: [0.5, 0.9])(graph, in: context)
        let losses = result.names.compactMap { result.loss(of: $0, at: 0.9) }
        let bound = losses.sorted()[losses.count / 2 - 1]
        for (exception, none) in try zip(result.exceptions(losing: bound), result.exceptions(losing: 10)) {
            #expect(none.except.isEmpty && none.step.contains("except: [fc2.weight]"))
            #expect(exception.step.hasPrefix(type(of: pass).name) && (exception.strength == 0.5 || exception.step.contains("sparsity: 0.9")))
            let expected = result.names.filter { result.loss(of: $0, at: exception.strength) ?? 0 > bound }
            #expect(exception.except.isEmpty == expected.isEmpty && (exception.strength < 0.9 || !expected.isEmpty))
            let changed = try type(of: pass).init(
                hyperparameters: ["sparsity": .number(exception.strength), "except": .list((["fc2.weight"] + exception.except).map { .string($0) })])
            #expect(changed.description == exception.step)
            let pruned = try changed(graph, in: context).graph
            for name in exception.except { #expect(pruned.initializers[name]?.shape[0] == graph.initializers[name]?.shape[0], "\(name)") }
        }
    }

    @Test(arguments: SensitivityUnit.allCases)
    func theModelStaysAsItIs(_ unit: SensitivityUnit) throws {
        for make in TestModels.makers + Zoo.all {
            let graph = try make()
            let bytes = graph.initializers.mapValues { tensor in tensor.withUnsafeBytes { [UInt8]($0) } }
            let text = graph.text
            _ = try SensitivityAnalysis(unit, strengths: [0.5])(graph, in: Zoo.context(for: graph))
            #expect(
                graph.text == text && graph.initializers.mapValues { $0.withUnsafeBytes { [UInt8]($0) } } == bytes,
                "\(graph.name)")
        }
    }

    @Test func bitsAreStrengthsToo() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let result = try SensitivityAnalysis(.weight, pass: FixedPointQuantization())(graph, in: context)
        #expect(result.hyperparameter == "bits" && result.strengths == [16, 8, 4, 2])
        let other = try FixedPointQuantization(hyperparameters: ["bits": 2, "only": ["fc1.weight"]])(graph).graph
        let (before, after) = (
            try context.evaluate(graph, context.validationData(for: graph)),
            try context.evaluate(other, context.validationData(for: graph))
        )
        #expect(result.loss(of: "fc1.weight", at: 2) == (before - after) / before)
    }

    /// Stopped after any number of trials and begun again, it judges the rest alone and finds the same.
    @Test(arguments: [1, 4, 8])
    func itGoesOnWhereItWas(_ stop: Int) throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        let analysis = try SensitivityAnalysis(.weight, strengths: [0.2, 0.5, 0.8])
        context.judge = Density().judge
        let whole = try analysis(graph, in: context)
        context.state = RunState(in: MemoryCheckpointStore())
        let cancellation = Cancellation()
        context.cancellation = cancellation
        let first = Density()
        context.judge = first.judge
        context.progress = { if $0.completed == stop { cancellation.cancel() } }
        #expect(throws: WinnowError.self) { try analysis(graph, in: context) }
        (context.cancellation, context.progress) = (nil, nil)
        let second = Density()
        context.judge = second.judge
        #expect(try analysis(graph, in: context).table == whole.table)
        #expect(first.count.withLock { $0 } == stop + 1 && second.count.withLock { $0 } == 9 - stop + 1)
        let more = Density()
        context.judge = more.judge
        let wider = try SensitivityAnalysis(.weight, strengths: [0.2, 0.4, 0.5, 0.8])(graph, in: context)
        #expect(more.count.withLock { $0 } == 3 + 1, "other strengths go on from those there are")
        #expect(wider.loss(of: "fc1.weight", at: 0.5) == whole.loss(of: "fc1.weight", at: 0.5))
    }

    /// Who is stopped is told to go on only where something is kept.
    @Test(arguments: [false, true])
    func aStopPromisesWhatIsKept(_ isKept: Bool) throws {
        let graph = try TestModels.residual()
        var context = try TestModels.context(for: graph)
        let cancellation = Cancellation()
        cancellation.cancel()
        context.cancellation = cancellation
        context.judge = Judge("one") { _, _, _ in 1 }
        let works: [(PassContext) throws -> Void] = [
            { _ = try SensitivityAnalysis(.weight, strengths: [0.5])(graph, in: $0) },
            { _ = try ChannelSearch { $0.pruning.sparsity = 0.4 }(graph, in: $0) },
            { _ = try IterativePruning()(graph, in: $0) },
            { _ = try Finetune()(graph, in: $0) },
        ]
        for work in works {
            context.state = isKept ? RunState(in: MemoryCheckpointStore()) : nil
            let error = #expect(throws: WinnowError.self) { try work(context) }
            #expect(error?.kind == .cancelled && error?.remedy == (isKept ? "run the same command again to go on" : ""))
        }
    }

    @Test func whatCannotBeChangedSaysWhy() throws {
        let graph = try TestModels.perceptron()
        let result = try SensitivityAnalysis(.weight, pass: StructuredPruning(), strengths: [0.5])(
            graph, in: TestModels.context(for: graph))
        #expect(result.skipped.map(\.name) == ["fc3.weight"] && result.skipped[0].reason.contains("output"))
        #expect(throws: WinnowError.self) { try SensitivityAnalysis(.weight, pass: FoldConstants()) }
        #expect(throws: WinnowError.self) { try SensitivityAnalysis(.weight, strengths: [0.5, 0.5]) }
        #expect(throws: WinnowError.self) { try SensitivityAnalysis(.weight, hyperparameter: "sparsty", strengths: [0.5]) }
    }

    @Test(arguments: ["a*b", "a?b", "a[0]", "plain.weight", "[!x]"])
    func globsOfNamesMatchThemAlone(_ name: String) {
        #expect(Selection.matches(Selection.literal(name), name))
        for other in ["aXb", "a0", "plain-weight", "y", "aXXb"] { #expect(!Selection.matches(Selection.literal(name), other)) }
    }
}
