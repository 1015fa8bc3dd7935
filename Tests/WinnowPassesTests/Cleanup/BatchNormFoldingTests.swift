import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// What a normalization folds into, and how it is spelled.
struct BatchNormFoldingTests {
    enum Spelling: String, CaseIterable, Sendable { case batchNormalization, mulAdd, divSub, addMul, unit }
    enum Layer: String, CaseIterable, Sendable { case conv, convBias, groups, transposed, gemm, gemmBias, gemmRow, matMul, matMulAdd }

    private static let channels = 6

    /// x of (N, 4, 5, 5) or (N, 4), and the layer's output, whose channels are the axis that the spelling names.
    private func layer(_ layer: Layer, _ b: GraphBuilder) throws -> ValueName {
        func weight(_ shape: Shape) -> ValueName { b.constant("w", TestModels.normal(shape)) }
        func bias(_ shape: Shape = [Self.channels]) -> ValueName { b.constant("b", TestModels.normal(shape, seed: 11)) }
        let (n, c) = (4, Self.channels)
        switch layer {
        case .conv, .convBias, .groups, .transposed:
            let x = try b.input("x", .float32, ["N", .fixed(n), 5, 5])
            if layer == .transposed {
                return try b.add(ConvTranspose(groups: 2), inputs: [x, weight([n, c / 2, 2, 2]), bias()], name: "layer")[0]
            }
            let groups = layer == .groups ? 2 : 1
            return try b.conv(x, weight([c, n / groups, 3, 3]), layer == .convBias ? bias() : nil, groups: groups, name: "layer")
        case .gemm: return try b.linear(b.input("x", .float32, ["N", .fixed(n)]), weight([c, n]), name: "layer")
        case .gemmBias, .gemmRow:
            let op = Gemm(alpha: 0.5, beta: layer == .gemmRow ? 3 : 0)
            let x = try b.input("x", .float32, ["N", .fixed(n)])
            return try b.add(op, x, weight([n, c]), bias(layer == .gemmRow ? [1, c] : [c]), name: "layer")
        case .matMul, .matMulAdd:
            let product = try b.add(MatMul(), b.input("x", .float32, ["N", .fixed(n)]), weight([n, c]), name: "layer")
            return layer == .matMul ? product : try b.add(Add(), product, bias(), name: "add")
        }
    }

    private func model(_ kind: Layer, _ spelling: Spelling) throws -> Graph {
        let b = GraphBuilder("\(kind) \(spelling)")
        let y = try layer(kind, b)
        let rank = b.info(of: y)?.rank ?? 2
        let random = TestModels.normal([4, Self.channels], seed: 12).floats()
        func vector(_ row: Int) -> [Float] { Array(random[(row * Self.channels)..<((row + 1) * Self.channels)]) }
        func wide(_ name: String, _ values: [Float]) -> ValueName {
            b.constant(name, Tensor(values, shape: [Self.channels] + [Int](repeating: 1, count: rank - 2)))
        }
        let (scale, shift, mean) = (vector(0), vector(1), vector(2))
        let factors = scale.map { $0 + 2 }
        switch spelling {
        case .batchNormalization, .unit:
            let isUnit = spelling == .unit
            let ones = [Float](repeating: 1, count: Self.channels)
            let vectors = [isUnit ? ones : scale, shift, mean, isUnit ? ones : vector(3).map { $0 * $0 + 0.5 }]
            let names = ["scale", "shift", "mean", "variance"]
            return try b.graph(outputs: b.add(
                BatchNormalization(epsilon: isUnit ? 0 : 1e-5),
                inputs: [y] + zip(names, vectors).map { b.constant($0, Tensor($1)) }, name: "norm"))
        case .mulAdd:
            return try b.graph(outputs: [b.add(Add(), b.add(Mul(), wide("f", factors), y), wide("t", shift))])
        case .divSub:
            return try b.graph(outputs: [b.add(Sub(), b.add(Div(), y, wide("f", factors)), wide("t", shift))])
        case .addMul:
            return try b.graph(outputs: [b.add(Mul(), b.add(Add(), y, wide("t", shift)), wide("f", factors))])
        }
    }

    @Test(arguments: Layer.allCases, Spelling.allCases)
    func folds(layer: Layer, spelling: Spelling) throws {
        let graph = try model(layer, spelling)
        let result = try FoldBatchNorm()(graph).graph
        try WrittenModels.keep(result, "passes", "fold-batch-norm \(graph.name)")
        let isProduct = layer == .matMul || layer == .matMulAdd
        #expect(result.nodes.map(\.op.type.name).dropFirst() == (isProduct ? ["Add"] : []))
        #expect(result.nodes[0].name == "layer" && result.nodes[0].inputs[1] == "w")
        #expect(result.nodes.count == graph.nodes.count || result.initializerNames.count <= 2)
        #expect(try TestModels.largestDifference(graph, result) < 2e-5)
        // In the engine alike.
        let plain = try Session(graph, options: SessionOptions(lowers: false))
        let samples = try TestModels.dataset(for: graph, count: 8).features[0].tensor
        let (a, e) = (try Session(graph).run(["x": samples]), try plain.run(["x": samples]))
        for (p, q) in zip(a[graph.outputs[0]]?.floats() ?? [], e[graph.outputs[0]]?.floats() ?? []) { #expect(abs(p - q) < 2e-5) }
    }

    @Test func aColumnIsNoBiasOfChannels() throws {
        let b = GraphBuilder("column")
        let x = try b.input("x", .float32, [6, 4])
        let w = b.constant("w", TestModels.normal([4, 6]))
        let y = try b.add(Gemm(), x, w, b.constant("b", TestModels.normal([6, 1])), name: "layer")
        let graph = try b.graph(outputs: [b.batchNormalization(b.add(Mul(), y, b.constant("f", TestModels.normal([6]))), name: "norm")])
        let result = try FoldBatchNorm()(graph)
        #expect(result.graph.nodes.count == graph.nodes.count)
        #expect(result.findings.contains { $0.status == .skipped && $0.reason.contains("constant of channels") })
        let input = TestModels.normal([6, 4], seed: 3)
        let plain = try Session(graph, options: SessionOptions(lowers: false)).run(["x": input])
        let planned = try Session(graph).run(["x": input])
        for (p, q) in zip(plain[graph.outputs[0]]?.floats() ?? [], planned[graph.outputs[0]]?.floats() ?? []) {
            #expect(abs(p - q) < 1e-5)
        }
    }

    @Test func aSharedWeightIsNotStoredTwice() throws {
        let b = GraphBuilder("shared")
        let w = b.constant("w", TestModels.normal([4, 4, 3, 3]))
        var x = try b.input("x", .float32, ["N", 4, 8, 8])
        let scale = b.constant("f", Tensor([2, 3, 4, 5] as [Float], shape: [4, 1, 1]))
        x = try b.add(Mul(), b.conv(x, w, padding: 1, name: "one"), scale)
        let graph = try b.graph(outputs: [b.conv(x, w, padding: 1, name: "two")])
        let result = try FoldBatchNorm()(graph)
        #expect(result.graph.parameterCount <= graph.parameterCount)
        #expect(result.findings.contains { $0.subject == "w" && $0.reason.contains("shared") })
    }

    @Test func aFactorOfTheLastAxisFoldsIntoAProductOfBatches() throws {
        let b = GraphBuilder("rows")
        let x = try b.input("x", .float32, ["N", 3, 4])
        let y = try b.add(MatMul(), x, b.constant("w", TestModels.normal([4, 6])), name: "layer")
        let graph = try b.graph(outputs: [b.add(Mul(), y, b.constant("f", TestModels.normal([6], seed: 2)))])
        let result = try FoldBatchNorm()(graph).graph
        #expect(result.nodes.map(\.name) == ["layer"])
        #expect(try TestModels.largestDifference(graph, result) < 1e-5)
    }

    /// Factors that are not finite stay where a Clip may still make numbers of what they give.
    @Test(arguments: [-1e-5, 0] as [Float], [1, 3e38] as [Float]) func whatIsNotFiniteStays(_ variance: Float, _ scale: Float) throws {
        let b = GraphBuilder("infinite")
        let layer = try b.add(Conv(), b.input("x", .float32, ["N", 2, 4, 4]), b.constant("w", TestModels.normal([2, 2, 3, 3], seed: 1)))
        let parts = [("scale", [scale, 1]), ("bias", [0.5, 0]), ("mean", [0, 0]), ("variance", [scale == 1 ? variance : 1e-3, 1])].map { name, numbers in
            b.constant(name as String, Tensor(numbers as [Float]))
        }
        let normal = try b.add(BatchNormalization(epsilon: variance == 0 ? 0 : 1e-5), layer, parts[0], parts[1], parts[2], parts[3], name: "norm")
        let graph = try b.graph(outputs: [b.add(Clip(), normal, b.constant("low", scalar: Float(0)), b.constant("high", scalar: Float(6)))])
        let result = try FoldBatchNorm()(graph)
        #expect(result.graph.nodes.contains { $0.op is BatchNormalization })
        #expect(result.findings.contains { $0.status == .skipped && $0.reason.contains("not finite") })
    }
}
