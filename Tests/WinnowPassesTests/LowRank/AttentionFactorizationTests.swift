import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@testable import WinnowPasses

struct AttentionFactorizationTests {
    private static let (features, heads, width) = (12, 3, 5)

    /// A layer of attention whose projections have biases, with a scale behind one of them.
    private func attention(rank: Int? = nil, biases: Bool = true, rotated: Bool = false) throws -> Graph {
        let (d, h, w) = (Self.features, Self.heads, Self.width)
        let b = GraphBuilder("attention")
        let x = try b.input("x", .float32, ["N", 6, .fixed(d)])
        /// (features + 1) × (heads · width), of lower rank head by head where that is asked for.
        func weight(_ seed: UInt64) -> (weight: Tensor, bias: Tensor) {
            var blocks: [Matrix<Float>] = []
            for head in 0..<h {
                let inner = rank ?? w
                let left = Matrix(TestModels.normal([d + 1, inner], seed: seed + UInt64(head)).floats(), rows: d + 1, columns: inner)
                blocks.append(left * Matrix(TestModels.normal([inner, w], seed: seed + 50 + UInt64(head)).floats(), rows: inner, columns: w))
            }
            let rows = (0...d).map { row in blocks.flatMap { block in (0..<w).map { block[row, $0] * 0.3 } } }
            return (Tensor(rows.dropLast().flatMap { $0 }, shape: [d, h * w]), Tensor(rows[d]))
        }
        func projected(_ name: String, _ seed: UInt64, _ order: [Int]) throws -> ValueName {
            let (weight, bias) = weight(seed)
            var y = try b.add(MatMul(), x, b.constant("\(name).weight", weight), name: name)
            if biases { y = try b.add(Add(), b.constant("\(name).bias", bias), y, name: "\(name).add") }
            if rotated { y = try b.add(Tanh(), y, name: "\(name).turned") }
            let split = try b.add(Reshape(), y, b.constant("\(name).shape", Tensor([0, 6, Int64(h), Int64(w)])), name: "\(name).split")
            return try b.add(Transpose(order), split, name: "\(name).turn")
        }
        let query = try b.add(Div(), projected("query", 1, [0, 2, 1, 3]), b.constant("scale", Tensor(scalar: Float(2))), name: "scaled")
        let scores = try b.add(MatMul(), query, projected("key", 100, [0, 2, 3, 1]), name: "scores")
        let mixed = try b.add(MatMul(), b.add(Softmax(), scores, name: "softmax"), projected("value", 200, [0, 2, 1, 3]), name: "mixed")
        let turned = try b.add(Transpose([0, 2, 1, 3]), mixed, name: "turned")
        let flat = try b.add(Reshape(), turned, b.constant("shape", Tensor([0, 6, Int64(h * w)])), name: "flat")
        let output = try b.add(MatMul(), flat, b.constant("output.weight", TestModels.normal([h * w, d], seed: 9)), name: "output")
        return try b.graph(outputs: [output])
    }

    /// What has low rank head by head comes out the same in narrower heads.
    @Test(arguments: [true, false]) func exactWhereTheRankIs(_ biases: Bool) throws {
        let graph = try attention(rank: 2, biases: biases)
        let result = try AttentionFactorization(hyperparameters: ["energy": 0.999999])(graph)
        #expect(result.graph.initializers["query.weight"]?.shape == [12, 6] && result.graph.initializers["key.weight"]?.shape == [12, 6])
        #expect(result.graph.initializers["value.weight"]?.shape == [12, 6] && result.graph.initializers["output.weight"]?.shape == [6, 12])
        if biases { #expect(result.graph.initializers["query.bias"]?.shape == [6]) }
        #expect(try TestModels.largestDifference(graph, result.graph, count: 4) < 2e-3)
        try WrittenModels.keep(result.graph, "passes", "attention-factorization \(biases)")
    }

    /// The product of a pair is the nearest of its rank: as far away as the singular values that went, of the whole matrix decomposed at once.
    @Test(arguments: [1, 3, 4]) func productsAreTheNearest(_ rank: Int) throws {
        let graph = try attention()
        let result = try AttentionFactorization(hyperparameters: ["rank-fraction": .number(Double(rank) / Double(Self.width)), "values": false])(graph).graph
        func product(_ graph: Graph, _ head: Int, _ width: Int) throws -> Matrix<Float> {
            let sides = try ["query", "key"].map { name -> Matrix<Float> in
                let weight = try #require(graph.initializers["\(name).weight"]).floats()
                let bias = try #require(graph.initializers["\(name).bias"]).floats()
                let all = Self.heads * width
                let rows = (0..<Self.features).map { row in Array(weight[(row * all + head * width)..<(row * all + (head + 1) * width)]) }
                return Matrix((rows + [Array(bias[(head * width)..<((head + 1) * width)])]).flatMap { $0 }, rows: Self.features + 1, columns: width)
            }
            return sides[0] * sides[1].transposed
        }
        for head in 0..<Self.heads {
            let (before, after) = (try product(graph, head, Self.width), try product(result, head, rank))
            let lost = try SingularValueDecomposition(before).values.dropFirst(rank).reduce(0.0) { $0 + Double($1) * Double($1) }
            let error = zip(before.elements, after.elements).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
            #expect(abs(error - lost) < 1e-3 * max(1, lost))
        }
        #expect(result.initializers["value.weight"] == graph.initializers["value.weight"])
    }

    /// A projection that adds a number itself and has another bias behind is none.
    @Test(arguments: [false, true]) func twoBiasesKeepThem(_ addsNumber: Bool) throws {
        let b = GraphBuilder("two-biases")
        let x = try b.input("x", .float32, [6, 12])
        func projected(_ name: String, _ seed: UInt64, _ order: [Int]) throws -> ValueName {
            let number = addsNumber ? b.constant("\(name).number", Tensor([3] as [Float])) : nil
            let rows = try b.add(Gemm(), x, b.constant("\(name).weight", TestModels.normal([12, 15], seed: seed)), number, name: name)
            let y = try b.add(Add(), rows, b.constant("\(name).bias", TestModels.normal([15], seed: seed + 1)), name: "\(name).add")
            return try b.add(Transpose(order), b.add(Reshape(), y, b.constant("\(name).shape", Tensor([6, 3, 5] as [Int64]))), name: "\(name).turn")
        }
        let graph = try b.graph(outputs: [b.add(MatMul(), projected("query", 1, [1, 0, 2]), projected("key", 5, [1, 2, 0]), name: "scores")])
        let result = try AttentionFactorization(hyperparameters: ["rank-fraction": 0.4])(graph).graph
        #expect(result.initializers["query.weight"]?.shape == (addsNumber ? [12, 15] : [12, 6]))
    }

    @Test func whatStandsBetweenKeepsThem() throws {
        let graph = try attention(rotated: true)
        let result = try AttentionFactorization(hyperparameters: ["energy": 0.5])(graph)
        #expect(result.graph.initializers == graph.initializers)
        #expect(result.findings.contains { $0.subject == "query.weight" && $0.status != .done && !$0.reason.isEmpty })
        let zoo = try AttentionFactorization(hyperparameters: ["rank-fraction": 0.5])(Zoo.tokens())
        #expect(zoo.graph.initializers["query.weight"]?.shape == [8, 4])
        let part = try AttentionFactorization(hyperparameters: ["rank-fraction": 0.5, "except": ["key*"]])(attention())
        #expect(part.graph.initializers["query.weight"]?.shape == [12, 15] && part.graph.initializers["value.weight"]?.shape == [12, 9])
    }
}
