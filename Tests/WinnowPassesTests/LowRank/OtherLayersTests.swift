import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Factors of what is no product or convolution.
struct OtherLayersTests {
    private static func lowRank(_ rows: Int, _ columns: Int, rank: Int, seed: UInt64 = 3) -> Tensor {
        let (a, b) = (TestModels.normal([rows, rank], seed: seed), TestModels.normal([rank, columns], seed: seed + 1))
        let product = Matrix(a.floats(), rows: rows, columns: rank) * Matrix(b.floats(), rows: rank, columns: columns)
        return Tensor(product.elements, shape: [rows, columns])
    }

    /// Gates of both directions read the same few features; the recurrent weight stays, and the report says why.
    @Test(arguments: [0, 1, 2], [RecurrentParameters.Direction.forward, .bidirectional])
    func gatesReadFewFeatures(_ kind: Int, _ direction: RecurrentParameters.Direction) throws {
        let makers: [(RecurrentParameters) -> any Operator] = [{ LSTM($0) }, { GRU($0) }, { RNN($0) }]
        let (gates, directions) = ([4, 3, 1][kind], direction == .bidirectional ? 2 : 1)
        let b = GraphBuilder("recurrent")
        let x = try b.input("x", .float32, [5, "N", 24])
        let weight = Self.lowRank(directions * gates * 10, 24, rank: 3).reshaped([directions, gates * 10, 24])
        let y = try b.add(
            makers[kind](RecurrentParameters(hiddenSize: 10, direction: direction)), x, b.constant("W", weight),
            b.constant("R", TestModels.normal([directions, gates * 10, 10])), name: "layer")
        let graph = try b.graph(outputs: [y])
        let result = try SVDFactorization(hyperparameters: ["rank": 3])(graph)
        #expect(result.graph.initializers["W"] == nil && result.graph.initializers["R"] != nil)
        #expect(
            result.findings.contains {
                $0.subject == "R" && $0.status == .skipped && $0.reason.contains("a step before")
            })
        let values = TestModels.normal([5, 4, 24], seed: 7)
        let (before, after) = (try Session(graph).run(["x": values]), try Session(result.graph).run(["x": values]))
        #expect(try #require(before[y]).relativeError(of: #require(after[y])) < 1e-4)
        try WrittenModels.keep(result.graph, "passes", "svd-factorization recurrent \(kind) \(directions)")
    }

    /// What a layer reads beside its inputs stays with it: samples first, biases, lengths, states and peepholes, in both directions.
    @Test func gatesKeepWhatElseTheyRead() throws {
        let b = GraphBuilder("recurrent")
        let x = try b.input("x", .float32, ["N", 5, 24])
        let weight = Self.lowRank(2 * 4 * 10, 24, rank: 3).reshaped([2, 40, 24])
        let op = LSTM(RecurrentParameters(hiddenSize: 10, direction: .bidirectional, isBatchFirst: true))
        let inputs = [
            x, b.constant("W", weight), b.constant("R", TestModels.normal([2, 40, 10])), b.constant("B", TestModels.normal([2, 80])),
            try b.input("lengths", .int32, ["N"]), try b.input("h", .float32, ["N", 2, 10]), try b.input("c", .float32, ["N", 2, 10]),
            b.constant("P", TestModels.normal([2, 30])),
        ]
        let outputs = try b.add(op, inputs: inputs, outputs: 3, name: "layer")
        let graph = try b.graph(outputs: outputs)
        let result = try SVDFactorization(hyperparameters: ["rank": 3])(graph)
        #expect(result.graph.initializers["W"] == nil && result.graph.initializers["P"] != nil && result.graph.initializers["B"] != nil)
        let values = [
            "x": TestModels.normal([3, 5, 24], seed: 7), "lengths": Tensor([5, 2, 4] as [Int32]), "h": TestModels.normal([3, 2, 10], seed: 8),
            "c": TestModels.normal([3, 2, 10], seed: 9),
        ]
        let (before, after) = (try Session(graph).run(values), try Session(result.graph).run(values))
        for output in outputs { #expect(try #require(before[output]).relativeError(of: #require(after[output])) < 1e-4) }
    }

    /// Tables become two where that is asked for.
    @Test func rowsAreLookedUpInFewNumbers() throws {
        let b = GraphBuilder("table")
        let ids = try b.input("ids", .int64, ["N", 5])
        let rows = try b.add(Gather(), b.constant("table", Self.lowRank(40, 16, rank: 4)), ids, name: "lookup")
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("w", TestModels.normal([16, 2])), name: "fc")])
        #expect(try SVDFactorization()(graph).graph.initializers["table"] != nil)
        let result = try SVDFactorization(hyperparameters: ["tables": true, "energy": 0.99999])(graph)
        #expect(
            result.graph.initializers["table"] == nil
                && result.findings.contains { $0.subject == "table" && $0.after == 4 })
        let inputs = ["ids": Tensor((0..<20).map { Int64($0 * 7 % 40) }, shape: [4, 5])]
        let output = graph.outputNames[0]
        let (before, after) = (try Session(graph).run(inputs), try Session(result.graph).run(inputs))
        #expect(try #require(before[output]).relativeError(of: #require(after[output])) < 1e-4)
        try WrittenModels.keep(result.graph, "passes", "svd-factorization table")
    }

    /// Halko's bound on noise, whose singular values fall slowest; the same for the same seed; exact where the rank is.
    @Test func randomProjectionsComeNearTheLeastError() throws {
        for (rows, columns) in [(120, 90), (90, 120)] {
            let matrix = Matrix(TestModels.normal([rows, columns]).floats(), rows: rows, columns: columns)
            let whole = try SingularValueDecomposition(matrix)
            for rank in [1, 8, 30] {
                let found = try SingularValueDecomposition(leading: rank, of: matrix)
                #expect(found.values.count == rank)
                let (left, right) = found.factors(rank: rank)
                let (least, error) = (
                    whole.values.dropFirst(rank).reduce(0.0) { $0 + Double($1) * Double($1) },
                    (matrix - left * right).squareSum
                )
                #expect(error >= least * 0.9999 && error <= least * 1.02, "\(rank): \(error) \(least)")
                #expect(try SingularValueDecomposition(leading: rank, of: matrix).left == found.left)
            }
            let low = Self.lowRank(rows, columns, rank: 5).floats()
            let (left, right) = try SingularValueDecomposition(
                leading: 5, of: Matrix(low, rows: rows, columns: columns)
            ).factors(rank: 5)
            #expect((Matrix(low, rows: rows, columns: columns) - left * right).squareSum < 1e-6)
        }
        let b = GraphBuilder("large")
        let x = try b.input("x", .float32, ["N", 80])
        let graph = try b.graph(outputs: [b.linear(x, b.constant("w", TestModels.normal([60, 80])), nil, name: "fc")])
        let (near, exact) = try (
            SVDFactorization(hyperparameters: ["rank": 6, "largest-exact": 50])(graph),
            SVDFactorization(hyperparameters: ["rank": 6])(graph)
        )
        let errors = [near, exact].compactMap { $0.findings.first { $0.quantity == .relativeChange }?.after }
        #expect(errors.count == 2 && near.graph.initializers != exact.graph.initializers)
        #expect(errors[0] >= errors[1] && errors[0] < errors[1] * 1.01)
    }
}

struct LowRankCompensationTests {
    private static func scene(_ type: Int) throws -> (graph: Graph, context: PassContext, data: Tensor) {
        let b = GraphBuilder("layer")
        let x = try b.input("x", .float32, ["N", 64])
        let weight = TestModels.normal([48, 64])
        let y = try layer(type, b, x, weight)
        var values = TestModels.normal([64, 64], seed: 21).floats()
        for index in values.indices { values[index] *= index % 4 == 0 ? 4 : 0.5 }
        let data = Tensor(values, shape: [64, 64])
        return (try b.graph(outputs: [y]), PassContext(calibration: try Dataset([.init(name: "x", data)])), data)
    }

    private static func layer(_ type: Int, _ b: GraphBuilder, _ x: ValueName, _ weight: Tensor) throws -> ValueName {
        func reshaped(_ extents: [Int64]) throws -> ValueName { try b.add(Reshape(), x, b.constant("shape", Tensor(extents))) }
        switch type {
        case 0: return try b.linear(x, b.constant("w", weight), b.constant("b", TestModels.normal([48])), name: "fc")
        case 1: return try b.add(MatMul(), x, b.constant("w", weight.transposed([1, 0])), name: "fc")
        case 2:
            let w = b.constant("w", TestModels.normal([2, 32, 96]))
            return try b.add(MatMul(), reshaped([-1, 2, 1, 32]), w, name: "fc")
        default:
            let w = b.constant("w", TestModels.normal([8, 8, 48]))
            return try b.add(Einsum("nhd,hdo->no"), reshaped([-1, 8, 8]), w, name: "fc")
        }
    }

    private static func error(_ result: Graph, _ graph: Graph, _ data: Tensor) throws -> Double {
        let output = graph.outputNames[0]
        let (before, after) = (try Session(graph).run(["x": data]), try Session(result).run(["x": data]))
        return try #require(before[output]).relativeError(of: #require(after[output]))
    }

    /// Outputs come nearer with rank, and nearer still where the inputs count.
    @Test(arguments: [0, 1, 2, 3]) func outputsComeNearer(_ type: Int) throws {
        let (graph, context, data) = try Self.scene(type)
        var former = try Self.error(WeightOnlyQuantization(hyperparameters: ["bits": 4])(graph).graph, graph, data)
        for rank in [2, 8, 20] {
            let plain = try LowRankCompensation(hyperparameters: ["rank": .int(rank)])(graph)
            let weighted = try LowRankCompensation(hyperparameters: ["rank": .int(rank), "weighting": "activations"])(
                graph, in: context)
            let errors = (try Self.error(plain.graph, graph, data), try Self.error(weighted.graph, graph, data))
            #expect(errors.1 <= errors.0 * 1.001 && errors.1 < former, "\(rank): \(errors) \(former)")
            former = errors.1
            #expect(plain.findings.contains { $0.quantity == .relativeChange && $0.before ?? 0 > $0.after ?? 0 })
            try WrittenModels.keep(weighted.graph, "passes", "low-rank-compensation \(type) \(rank)")
        }
        let large = try LowRankCompensation(hyperparameters: ["rank": 48])(graph)
        #expect(large.findings.contains { $0.reason.contains("would take") })
    }

    /// Each weight of a layer that has several is told of by its own name.
    @Test(arguments: [0, 1]) func everyWeightOfALayerIsNamed(_ kind: Int) throws {
        let graph = kind == 0 ? try TestModels.recurrent() : try TestModels.recurrent({ GRU($0) }, gates: 3)
        let findings = try LowRankCompensation()(graph).findings.filter { $0.reason.hasPrefix("nothing is added") }
        #expect(findings.map(\.subject).sorted() == ["E", "R", "W"], "\(findings)")
    }

    /// So is one whose codes no layer reads as numbers.
    @Test func codesOfAnOperatorsOwnAreNamed() throws {
        let own: HyperparameterValue = ["scheme": "int4-g16", "mixed": false, "matrices": "matmul-nbits"]
        let result = try LowRankCompensation(hyperparameters: ["rank": 2, "quantization": own])(Self.scene(1).graph)
        #expect(result.graph.nodes.contains { $0.op is MatMulNBits })
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .skipped && $0.reason.hasPrefix("nothing is added") })
    }
}

struct RecurrentCostTests {
    /// Steps × samples × directions × gates × hidden × (features + hidden), whichever axis comes first; an input product of lower rank costs less.
    @Test(arguments: [0, 1, 2], [false, true]) func productsAreCounted(_ kind: Int, _ isBatchFirst: Bool) throws {
        let makers: [(RecurrentParameters) -> any Operator] = [{ LSTM($0) }, { GRU($0) }, { RNN($0) }]
        let gates = [4, 3, 1][kind]
        let b = GraphBuilder("recurrent")
        let x = try b.input("x", .float32, isBatchFirst ? ["N", 5, 24] : [5, "N", 24])
        let y = try b.add(
            makers[kind](RecurrentParameters(hiddenSize: 10, direction: .bidirectional, isBatchFirst: isBatchFirst)), x,
            b.constant("W", TestModels.normal([2, gates * 10, 24])), b.constant("R", TestModels.normal([2, gates * 10, 10])), name: "layer")
        let graph = try b.graph(outputs: [y])
        #expect(graph.multiplyAccumulates().total == 5 * 2 * gates * 10 * (24 + 10))
        #expect(graph.multiplyAccumulates(inputShapes: ["x": isBatchFirst ? [3, 7, 24] : [7, 3, 24]]).total == 21 * 2 * gates * 10 * 34)
        let small = try SVDFactorization(hyperparameters: ["rank": 3])(graph).graph
        #expect(small.multiplyAccumulates().total == 5 * 24 * 3 + 5 * 2 * gates * 10 * (3 + 10))
        var context = PassContext()
        context.calibration = try Dataset([.init(name: "x", TestModels.normal(isBatchFirst ? [4, 5, 24] : [4, 5, 24]))])
        let half = try SVDFactorization(hyperparameters: ["size": 0.8])(graph, in: context)
        let part = Double(try #require(half.graph.multiplyAccumulates().total)) / Double(try #require(graph.multiplyAccumulates().total))
        #expect(part <= 0.8 && part > 0.4, "\(part)")
    }
}
