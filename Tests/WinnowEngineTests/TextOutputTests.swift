import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Outputs that are no numbers stand in the way of none that are.
@Suite struct TextOutputTests {
    private func graph(hasScores: Bool = true) throws -> Graph {
        let b = GraphBuilder("classifier")
        let scores = try b.add(MatMul(), b.input("x", .float32, ["N", 2]), b.constant("w", Tensor([1, 0, 0, 1] as [Float], shape: [2, 2])))
        var encoder = UnknownOperator(OperatorType("LabelEncoder", domain: "ai.onnx.ml"), attributes: Attributes(), version: 3)
        encoder.outputTypes = [ValueType(ForeignType("string[N]", encoded: []))]
        let name = try b.add(encoder, b.add(ArgMax(axis: 1, keepsAxis: false), scores))
        return try b.graph(outputs: [name] + (hasScores ? [scores] : []))
    }

    private let samples = Tensor([3, 1, 2, 5, 0, 1] as [Float], shape: [3, 2])

    @Test func theOthersRun() throws {
        let graph = try graph()
        let results = try Session(graph).run(["x": samples])
        #expect(results.count == 1 && results[graph.outputs[1]] == samples)
        #expect(graph.omittedOutputs == "output \(graph.outputs[0]) (string[N]) left out: only numbers are computed")
        #expect(graph.nodes.count == 3, "the graph itself keeps them")
    }

    /// Nor do numbers that an operator makes that is not known.
    @Test func numbersBehindUnknownOperatorsAreLeftOut() throws {
        let b = GraphBuilder("classifier")
        let scores = try b.add(Relu(), b.input("x", .float32, ["N", 2]), name: "scores")
        var chooser = UnknownOperator(OperatorType("ArrayFeatureExtractor", domain: "ai.onnx.ml"), attributes: Attributes(), version: 1)
        chooser.outputTypes = [ValueType(.int64, ["N"])]
        let label = try b.add(Neg(), b.add(chooser, b.add(ArgMax(axis: 1, keepsAxis: false), scores)), name: "label")
        let graph = try b.graph(outputs: [label, scores])
        let results = try Session(graph).run(["x": samples])
        #expect(results.count == 1 && results["scores"] == samples)
        #expect(graph.omittedOutputs?.contains("label (int64[N]) left out: only what known operators") == true)
    }

    /// The first output of numbers has the scores.
    @Test func theOthersAreJudged() throws {
        let graph = try graph()
        let data = try Dataset([.init(name: "x", samples)], labels: [0, 1, 0])
        #expect(ClassLabels(of: data, for: graph).objection == nil)
        #expect(try abs(Evaluation(of: graph, on: data).top1 - 2.0 / 3) < 1e-9)
        let run = try MetricRun(of: graph, original: graph, on: Dataset(data.features))
        #expect(run.sums.map(\.output) == [graph.outputs[1]])
    }

    @Test func nothingButTextsIsRefused() throws {
        let error = #expect(throws: WinnowError.self) { try Session(graph(hasScores: false)).run(["x": samples]) }
        #expect(error?.description.contains("only numbers are computed") == true)
    }
}
