import Testing
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
@testable import Winnow

@Suite struct ModelSummaryTests {
    private func lenet() throws -> Model { Model(try Architecture.named("lenet-5").makeGraph(seed: 1)) }

    @Test func countsLeNet() throws {
        let summary = try ModelSummary(lenet().graph)
        #expect(summary.parameters == 431_080 && summary.trainableParameters == 431_080)
        #expect(summary.parameterByteCount == 4 * 431_080)
        #expect(summary.multiplyAccumulates == 2_293_000)
        #expect(summary.nodes.first?.inputs.first?.shape == "[N, 1, 28, 28]")
        #expect(summary.nodes.map(\.parameters).reduce(0, +) == 431_080)
        #expect(summary.inputByteCount == 28 * 28 * 4)
        let outputs = [20 * 24 * 24, 20 * 12 * 12, 50 * 8 * 8, 50 * 4 * 4, 800, 500, 500, 10].reduce(0, +)
        #expect(summary.passByteCount == 2 * 4 * outputs)
    }

    /// As in torch and Paddle: scale and shift are trained, mean and variance are gathered.
    @Test func runningStatisticsAreNotTrained() throws {
        let b = GraphBuilder("normalized")
        let x = try b.input("x", .float32, [1, 4, 5, 5])
        let vectors = (0..<4).map { b.constant("v\($0)", Tensor([Float](repeating: 1, count: 4))) }
        let graph = try b.graph(outputs: [b.add(BatchNormalization(), inputs: [x] + vectors)[0]])
        let summary = try ModelSummary(graph)
        #expect(summary.parameters == 16 && summary.trainableParameters == 8)
        #expect(try LayerTable(graph).text.contains("Total params: 16\nTrainable params: 8\nNon-trainable params: 8\n"))
    }

    @Test func linearAttentionIsCountedWithoutItsSteps() throws {
        let b = GraphBuilder("attention")
        let steps = 1 << 30
        let values = try (0..<3).map { try b.input("x\($0)", .float32, [.fixed(1), .fixed(steps), .fixed($0 < 2 ? 12 : 8)]) }
        let gates = try [2, 1].map { try b.input("g\($0)", .float32, [.fixed(1), .fixed(steps), .fixed($0)]) }
        let inputs: [ValueName?] = values + [nil] + gates
        let graph = try b.graph(outputs: [b.add(LinearAttention(queryHeads: 2, keyHeads: 2), inputs: inputs, outputs: 2)[0]])
        // 6 keys by 4 values a head, read, written and corrected.
        #expect(try ModelSummary(graph).multiplyAccumulates == 6 * 6 * 4 * steps)
    }

    @Test func countsDequantizersWithTheirReader() throws {
        let small = try lenet().applying("weight-only-quantization").model
        let summary = try ModelSummary(small.graph)
        #expect(summary.nodes.map(\.type) == (try ModelSummary(lenet().graph)).nodes.map(\.type))
        #expect(summary.nodes.first { $0.name == "fc1" }?.quantization == "float32 × int8")
        #expect(summary.nodes.first { $0.name == "relu" }?.quantization == nil)
        #expect(summary.nodes.map(\.parameterByteCount).reduce(0, +) == summary.parameterByteCount)
    }

    /// What bodies hold counts; what they multiply is decided by contents.
    @Test func countsBodies() throws {
        func branch(_ name: String, _ value: Float) throws -> Graph {
            let w = Tensor([Float](repeating: value, count: 12), shape: [4, 3])
            return try Graph(
                name: name, inputs: [], outputs: ["\(name).y"],
                nodes: [Node(name: name, op: MatMul(), inputs: ["x", "\(name).w"], outputs: ["\(name).y"])],
                initializers: [("\(name).w", w)], captures: ["x": ValueType(.float32, [1, 4])])
        }
        let b = GraphBuilder("choice")
        _ = try b.input("x", .float32, [1, 4])
        let c = try b.input("c", .bool, [])
        let graph = try b.graph(outputs: [b.add(If(then: branch("a", 1), else: branch("b", 0)), c)])
        let summary = try ModelSummary(graph)
        #expect(summary.multiplyAccumulates == nil && summary.text.contains("MACs a sample: not known"))
        #expect(summary.parameters == 24 && summary.parameterByteCount == 96)
        #expect(summary.nodes[0].parameterByteCount == 96 && summary.nodes[0].sparsity == 0.5)
    }

    @Test func selectsByGlob() throws {
        let graph = try lenet().graph
        #expect(try ModelSummary(graph, selecting: ["conv*"]).nodes.map(\.name) == ["conv1", "conv2"])
        #expect(try ModelSummary(graph, selecting: ["Gemm"]).nodes.map(\.name) == ["fc1", "fc2"])
        #expect(try ModelSummary(graph, selecting: ["*.bias"], tensors: true).tensors?.count == 8)
        let error = #expect(throws: WinnowError.self) { try ModelSummary(graph, selecting: ["cnv1"]) }
        #expect(error?.kind == .usage && error?.remedy == "did you mean conv1?")
    }

    @Test func describesTensors() throws {
        let builder = GraphBuilder("g")
        let x = try builder.input("x", .float32, [1, 4])
        let y = try builder.add(MatMul(), x, builder.constant("w", Tensor([0, 1, 2, 5] as [Float], shape: [4, 1])))
        let graph = try builder.graph(outputs: [y])
        let tensor = try #require(try ModelSummary(graph, tensors: true).tensors?.first)
        #expect(tensor.minimum == 0 && tensor.maximum == 5 && tensor.mean == 2 && tensor.sparsity == 0.25)
        #expect(tensor.standardDeviation == (14.0 / 4).squareRoot())
        #expect(tensor.histogram?.counts.reduce(0, +) == 3)
    }

    @Test func drawsEveryEdgeOnce() throws {
        let summary = try ModelSummary(lenet().graph)
        let lines = summary.dot.split(separator: "\n")
        #expect(lines.count { $0.contains(" -> ") } == summary.nodes.count + 1)
        #expect(lines.count { $0.filter { $0 == "\"" }.count % 2 == 1 } == 0)
    }
}

@Suite struct ModelDifferenceTests {
    private func network(seed: UInt64 = 1) throws -> Model {
        Model(try Architecture.named("mlp").makeGraph(seed: seed, widths: [6, 5, 3]))
    }

    @Test func equalGraphsDoNotDiffer() throws {
        let difference = try ModelDifference(network().graph, network().graph)
        #expect(difference.changes.isEmpty && difference.text == "the graphs are equal")
    }

    @Test func findsChangedValues() throws {
        let pruned = try network().applying("magnitude-pruning").model
        let difference = ModelDifference(try network().graph, pruned.graph)
        #expect(difference.changes.map(\.part) == ["tensor", "tensor"])
        #expect(difference.changes.allSatisfy { $0.after?.hasPrefix("5") == true && $0.before == "0.0 % zero" })
    }

    /// What is removed one way is added the other way.
    @Test func isAntisymmetric() throws {
        let (a, b) = (try network().graph, try network().applying("dynamic-quantization").model.graph)
        let forth = ModelDifference(a, b).changes
        let back = ModelDifference(b, a).changes.map {
            ModelDifference.Change(part: $0.part, name: $0.name, before: $0.after, after: $0.before)
        }
        #expect(Set(forth) == Set(back) && forth.count > 4)
    }
}

@Suite struct ComparisonTests {
    private func network() throws -> Model {
        Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [6, 5, 4, 3]))
    }

    @Test func measuresDeviation() {
        let deviation = Deviation(of: [3, 0], from: [3, 4])
        #expect(deviation.cosine == 0.6 && deviation.maximumDifference == 4 && deviation.relativeError == 0.8)
        #expect(abs((deviation.signalToNoiseDecibels ?? 0) - 1.9382) < 1e-3)
        #expect(Deviation(of: [1, .nan, .infinity], from: [1, .nan, .infinity]).signalToNoiseDecibels == nil)
        #expect(Deviation(of: [.nan], from: [1]).maximumDifference == .infinity)
    }

    @Test func equalModelsDoNotPart() throws {
        let comparison = try Comparison(network(), network(), nodeTolerance: 1e-6)
        #expect(comparison.outputs.allSatisfy { $0.deviation.signalToNoiseDecibels == nil && $0.agreement == 1 })
        #expect(comparison.divergence?.firstNode == nil && comparison.divergence?.values.isEmpty == false)
    }

    /// A change in one layer is found there: nothing before it differs.
    @Test(arguments: ["fc1", "fc2", "fc3"]) func findsTheFirstNode(_ name: String) throws {
        let a = try network()
        var edit = GraphEdit()
        let bias = try #require(a.graph.initializers["\(name).bias"])
        edit.initializers = [("\(name).bias", Tensor(bias.floats().map { $0 + 1 }, shape: bias.shape))]
        let inputs = ["input": Tensor((0..<12).map { Float($0) }, shape: [2, 6])]
        let divergence = try Divergence(a.graph, a.graph.applying(edit), on: inputs, tolerance: 1e-4)
        #expect(divergence.firstNode == name)
        #expect(divergence.text.contains("part at node \(name)"))
    }

    @Test func outputsOfOtherShapesAreNamed() throws {
        let a = try network()
        let other = try Architecture.named("mlp").makeGraph(seed: 2, widths: [6, 5, 4, 2])
        let error = #expect(throws: WinnowError.self) { try Comparison(a, Model(other)) }
        #expect(error?.problem.contains("shape") == true)
    }
}
