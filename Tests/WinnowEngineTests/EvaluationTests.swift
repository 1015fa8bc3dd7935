import Foundation
import Synchronization
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct EvaluationTests {
    /// A model that gives back its input, through `op` if there is one.
    private func echo(classes: Int, batch: Extent = "N", _ op: any Operator = Identity()) throws -> Graph {
        let b = GraphBuilder("echo")
        let x = try b.input("scores", .float32, [batch, .fixed(classes)])
        return try b.graph(outputs: [b.add(op, x)])
    }

    private func data(_ rows: [[Float]], labels: [Int]) throws -> Dataset {
        try Dataset([.init(Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]))], labels: labels)
    }

    @Test func countsTheHighestAndTheKHighestScores() throws {
        let data = try data(
            [[3, 2, 1, 0], [0, 1, 2, 3], [0, 5, 4, 3], [1, 0, 0, 0]], labels: [0, 2, 3, 1])
        let evaluation = try Evaluation(of: echo(classes: 4), on: data, batchSize: 3, k: 2)
        #expect(evaluation.sampleCount == 4 && evaluation.k == 2)
        #expect(evaluation.predictions == [0, 3, 1, 0])
        #expect(evaluation.top1 == 0.25)
        #expect(evaluation.topK == 0.75)
    }

    @Test(arguments: [ElementType.float16, .float64]) func scoresMayHaveAnyWidth(type: ElementType) throws {
        let evaluation = try Evaluation(
            of: echo(classes: 3, Cast(to: type)), on: data([[1, 2, 0], [4, 1, 1], [0, 0, 9]], labels: [1, 0, 1]))
        #expect(evaluation.predictions == [1, 0, 2] && abs(evaluation.top1 - 2.0 / 3) < 1e-9)
    }

    @Test func tiesGoToTheLowerClass() throws {
        let evaluation = try Evaluation(
            of: echo(classes: 3), on: data([[1, 1, 1], [1, 1, 1]], labels: [0, 2]), k: 2)
        #expect(evaluation.predictions == [0, 0])
        #expect(evaluation.top1 == 0.5 && evaluation.topK == 0.5)
    }

    @Test func lossIsTheSameFromScoresProbabilitiesAndLogarithms() throws {
        let data = try data([[0, 1.0986123], [2, 2]], labels: [1, 0])
        let expected = (log(4.0 / 3) + log(2.0)) / 2
        for op in [Identity(), Softmax(axis: 1), LogSoftmax(axis: 1)] as [any Operator] {
            let loss = try Evaluation(of: echo(classes: 2, op), on: data).loss
            #expect(abs(loss - expected) < 1e-5, "\(op)")
        }
    }

    @Test(arguments: [Softmax(axis: 1), LogSoftmax(axis: 1), Softmax(axis: 1, flattens: true)] as [any Operator])
    func lossLooksThroughWhatChangesNothing(_ closing: any Operator) throws {
        let data = try data([[0, 1.0986123], [2, 2]], labels: [1, 0])
        let b = GraphBuilder("tail")
        let x = try b.input("scores", .float32, ["N", 2])
        let image = try b.add(Reshape(), x, b.constant("wide", Tensor([-1, 2, 1, 1] as [Int64])))
        let flat = try b.add(Flatten(), b.dropout(b.add(closing, image), ratio: 0.5))
        let graph = try b.graph(outputs: [b.add(Identity(), b.add(Reshape(), b.add(Cast(to: .float32), flat), b.constant("s", Tensor([0, 2] as [Int64]))))])
        #expect(abs(try Evaluation(of: graph, on: data).loss - (log(4.0 / 3) + log(2.0)) / 2) < 1e-5)
    }

    /// Steps behind probabilities that change none of them, however they are spelled.
    @Test(arguments: ["x·1", "1·x", "0+x", "x−0", "x/1", "clip", "transpose", "exp"]) func lossLooksThroughNeutralSteps(_ step: String) throws {
        let b = GraphBuilder("neutral")
        let x = try b.input("scores", .float32, ["N", 2])
        let (one, zero) = (b.constant("one", Tensor(scalar: Float(1))), b.constant("zero", Tensor([0] as [Float])))
        let p = try step == "exp" ? b.add(LogSoftmax(axis: 1), x) : b.add(Softmax(axis: 1), x)
        let y =
            switch step {
            case "x·1": try b.add(Mul(), p, one)
            case "1·x": try b.add(Mul(), one, p)
            case "0+x": try b.add(Add(), zero, p)
            case "x−0": try b.add(Sub(), p, zero)
            case "x/1": try b.add(Div(), p, one)
            case "clip": try b.clip(p, low: 0, high: 1)
            case "transpose": try b.add(Transpose([0, 1]), p)
            default: try b.add(Exp(), p)
            }
        let graph = try b.graph(outputs: [y])
        #expect(ClassScores(of: y, in: GraphIndex(graph)).form == .probabilities)
        let evaluation = try Evaluation(of: graph, on: data([[0, 1.0986123], [2, 2]], labels: [1, 0]))
        #expect(abs(evaluation.loss - (log(4.0 / 3) + log(2.0)) / 2) < 1e-5)
    }

    /// What changes them ends the search.
    @Test func clippedProbabilitiesAreScores() throws {
        let b = GraphBuilder("clipped")
        let x = try b.input("scores", .float32, ["N", 2])
        let graph = try b.graph(outputs: [b.clip(b.add(Softmax(axis: 1), x), low: 0.2, high: 0.8)])
        #expect(ClassScores(of: graph.outputs[0], in: GraphIndex(graph)).form == .logits)
    }

    /// Probabilities of something else than the classes are scores like others.
    @Test func probabilitiesOfOtherAxesAreNotOfClasses() throws {
        let b = GraphBuilder("other")
        let x = try b.input("scores", .float32, ["N", 2, 3])
        let graph = try b.graph(outputs: [b.add(Flatten(), b.add(Softmax(axis: 2), x))])
        #expect(ClassScores(of: graph.outputs[0], in: GraphIndex(graph)).form == .logits)
    }

    @Test func aFixedBatchIsFilledUp() throws {
        let rows = (0..<7).map { [Float($0 % 2), 0.5] }
        let evaluation = try Evaluation(of: echo(classes: 2, batch: 3), on: data(rows, labels: (0..<7).map { 1 - $0 % 2 }))
        #expect(evaluation.sampleCount == 7 && evaluation.top1 == 1)
    }

    @Test func wrongLabelsAndMissingLabelsAreRefused() throws {
        let graph = try echo(classes: 2)
        #expect(throws: WinnowError.self) { try Evaluation(of: graph, on: data([[0, 1]], labels: [2])) }
        #expect(throws: WinnowError.self) { try Evaluation(of: graph, on: data([[0, 1]], labels: [-1])) }
        let unlabelled = try Dataset([.init(Tensor([0, 1] as [Float], shape: [1, 2]))])
        #expect(throws: WinnowError.self) { try Evaluation(of: graph, on: unlabelled) }
    }

    @Test func reportsProgressAndStopsWhenAsked() throws {
        let data = try data([[Float]](repeating: [0, 1], count: 10), labels: [Int](repeating: 1, count: 10))
        let cancellation = Cancellation()
        let last = Mutex<ProgressEvent?>(nil)
        let options = EvaluationOptions(cancellation: cancellation) { event in last.withLock { $0 = event } }
        _ = try Evaluation(of: echo(classes: 2), on: data, batchSize: 4, options: options)
        #expect(last.withLock { $0?.completed } == 10 && last.withLock { $0?.total } == 10)
        cancellation.cancel()
        let error = #expect(throws: WinnowError.self) {
            try Evaluation(of: echo(classes: 2), on: data, options: options)
        }
        #expect(error?.kind == .cancelled)
    }
}
