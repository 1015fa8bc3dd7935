import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Factors of matrices side by side, and of weights of Einsums.
struct ProductAxesTests {
    /// A product of data with a weight, by which axes of the weight do what.
    struct Product: Sendable, CustomTestStringConvertible {
        /// nil: a MatMul.
        var equation: String?
        var data: Shape
        var weight: Shape
        var isWeightFirst = false
        var batch: [Int] = []
        var inputs: [Int]
        var outputs: [Int]
        /// The equation of the one layer again.
        var merged: String?

        var testDescription: String { "\(equation ?? "MatMul") \(data) \(weight)" }

        func graph() throws -> Graph {
            let b = GraphBuilder("product")
            let x = try b.input("x", .float32, data.map { .fixed($0) })
            let w = b.constant("w", TestModels.normal(weight))
            let op: any Operator = equation.map { Einsum($0) } ?? MatMul()
            return try b.graph(outputs: [b.add(op, inputs: isWeightFirst ? [w, x] : [x, w], name: "layer")[0]])
        }

        /// Σ over the matrices of the squared singular values that a rank leaves out (Eckart and Young), by matrices put together here.
        func tail(_ weight: Tensor, rank: Int) throws -> Double {
            let values = weight.transposed(batch + outputs + inputs).floats()
            let (rows, columns) = (outputs.reduce(1) { $0 * weight.shape[$1] }, inputs.reduce(1) { $0 * weight.shape[$1] })
            return try stride(from: 0, to: values.count, by: rows * columns).reduce(0.0) { sum, start in
                let matrix = Matrix(Array(values[start..<(start + rows * columns)]), rows: rows, columns: columns)
                return try sum + SingularValueDecomposition(matrix).values.dropFirst(rank).reduce(0.0) { $0 + Double($1) * Double($1) }
            }
        }
    }

    static let products = [
        Product(data: [2, 3, 5, 16], weight: [3, 16, 12], batch: [0], inputs: [1], outputs: [2]),
        Product(data: [5, 16], weight: [3, 16, 12], batch: [0], inputs: [1], outputs: [2]),
        Product(data: [2, 2, 3, 5, 16], weight: [2, 3, 16, 12], batch: [0, 1], inputs: [2], outputs: [3]),
        Product(data: [2, 3, 16, 5], weight: [3, 12, 16], isWeightFirst: true, batch: [0], inputs: [2], outputs: [1]),
        Product(data: [7, 16, 5], weight: [12, 16], isWeightFirst: true, inputs: [1], outputs: [0]),
        Product(equation: "bshd,hdo->bso", data: [2, 5, 4, 6], weight: [4, 6, 20], inputs: [0, 1], outputs: [2]),
        Product(equation: "bshd, hod -> bso", data: [2, 5, 4, 6], weight: [4, 20, 6], inputs: [0, 2], outputs: [1], merged: "bshd,hod->bso"),
        Product(equation: "ohd,bshd->bos", data: [2, 5, 4, 6], weight: [20, 4, 6], isWeightFirst: true, inputs: [1, 2], outputs: [0]),
        Product(equation: "bsi,oip->bpso", data: [2, 5, 16], weight: [4, 16, 6], inputs: [1], outputs: [0, 2]),
        Product(equation: "ecd,edh->ech", data: [3, 5, 16], weight: [3, 16, 12], batch: [0], inputs: [1], outputs: [2]),
        Product(equation: "bcghd,hgdo->bcgo", data: [2, 5, 3, 4, 6], weight: [4, 3, 6, 20], batch: [1], inputs: [0, 2], outputs: [3]),
        Product(equation: "ij,jk", data: [5, 16], weight: [16, 12], inputs: [0], outputs: [1], merged: "ij,jk->ik"),
        Product(equation: "...i,io->...o", data: [2, 5, 16], weight: [16, 12], inputs: [0], outputs: [1]),
        Product(equation: "...ci,...io->...co", data: [2, 3, 5, 16], weight: [3, 16, 12], batch: [0], inputs: [1], outputs: [2]),
        Product(equation: "rsi,io->rso", data: [2, 5, 16], weight: [16, 12], inputs: [0], outputs: [1]),
    ]

    private static func outputs(_ graph: Graph, _ data: Shape) throws -> Tensor {
        try #require(Session(graph).run(["x": TestModels.normal(data, seed: 9)])[graph.outputNames[0]])
    }

    /// Two products that together are the nearest of their rank, and that become the one layer again.
    @Test(arguments: products) func factorsAreTheNearestAndComeBack(_ product: Product) throws {
        let graph = try product.graph()
        let split = try SVDFactorization(hyperparameters: ["rank": 2])(graph)
        #expect(split.graph.nodes.count == 2 && split.findings.contains { $0.quantity == .rank && $0.after == 2 }, "\(split.findings)")
        let merged = try MergeFactors(hyperparameters: ["always": true])(split.graph)
        let (weight, nearest) = (try #require(graph.initializers["w"]), try #require(merged.graph.initializers["w"]))
        #expect(nearest.shape == weight.shape && merged.graph.nodes.map(\.name) == ["layer"])
        #expect((merged.graph.nodes[0].op as? Einsum)?.equation == (product.merged ?? product.equation))
        #expect(merged.graph.nodes[0].inputs == graph.nodes[0].inputs)
        let error = zip(weight.floats(), nearest.floats()).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        let tail = try product.tail(weight, rank: 2)
        #expect(abs(error - tail) < 1e-3 * tail, "\(error) \(tail)")
        let told = try #require(split.findings.first { $0.quantity == .relativeChange }?.after)
        #expect(abs(told - Double(weight.relativeError(of: nearest))) < 1e-4)
        let (two, one) = (try Self.outputs(split.graph, product.data), try Self.outputs(merged.graph, product.data))
        #expect(two.shape == one.shape && two.relativeError(of: one) < 1e-4)
        // The public shape inference wants ellipses of one rank.
        if product.equation != "...ci,...io->...co" {
            try WrittenModels.keep(split.graph, "passes", "svd-factorization \(product.testDescription)")
            try WrittenModels.keep(merged.graph, "passes", "merge-factors \(product.testDescription)")
        }
    }

    /// What is no product with matrices stays, and the report says why.
    @Test(arguments: [
        ("bij,ij->b", [2, 16, 16], [16, 16], "as outputs"), ("bi,ij->bij", [2, 16], [16, 16], "sums over none"),
        ("bi,ijk->bj", [2, 16], [16, 8, 4], "that the data has not"), ("bii,ij->bj", [2, 16, 16], [16, 16], "diagonal"),
    ] as [(String, Shape, Shape, String)])
    func otherEinsumsStay(_ equation: String, _ data: Shape, _ weight: Shape, _ reason: String) throws {
        let graph = try Product(equation: equation, data: data, weight: weight, inputs: [], outputs: []).graph()
        let result = try SVDFactorization(hyperparameters: ["rank": 2])(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .skipped && $0.reason.contains(reason) }, "\(result.findings)")
    }

    /// With a spectrum that falls fast in one matrix and not at all in another, the one rank keeps the energy of both together.
    @Test func matricesShareARank() throws {
        let b = GraphBuilder("experts")
        let x = try b.input("x", .float32, [2, 5, 8])
        // diag(4, 2, 0, …) and diag(1, 1, 1, 1, 1, 0, …): 20 + 5 in all, of which 17, 22, 23, 24 and 25 lie in 1 to 5 components.
        var elements = [Float](repeating: 0, count: 2 * 8 * 40)
        for (place, value) in ([4, 2] as [Float]).enumerated() { elements[place * 41] = value }
        for place in 0..<5 { elements[8 * 40 + place * 41] = 1 }
        let graph = try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", Tensor(elements, shape: [2, 8, 40])))])
        for (energy, rank) in [(0.67, 1.0), (0.87, 2), (0.91, 3), (0.99, 5)] {
            let result = try SVDFactorization(hyperparameters: ["energy": .number(energy)])(graph)
            #expect(result.findings.contains { $0.quantity == .rank && $0.after == rank }, "\(energy) \(result.findings)")
        }
    }

    /// Matrices of a stored weight are what its layer multiplies with, and go back to where they were.
    @Test(arguments: products) func matricesGoBack(_ product: Product) throws {
        let graph = try product.graph()
        let (site, weight) = (try #require(graph.weightSites.first), try #require(graph.initializers["w"]))
        let unfolded = try UnfoldedWeight(site, in: graph)
        let matrices = unfolded.matrices(of: weight)
        #expect(matrices.count == product.batch.reduce(1) { $0 * weight.shape[$1] })
        #expect(matrices.flatMap(\.elements) == weight.transposed(product.batch + product.outputs + product.inputs).floats())
        #expect(unfolded.weight(of: matrices) == weight)
    }

    /// What a product makes of a vector with several matrices, the next would take for one matrix: such layers are neither split, nor
    /// merged, nor added to.
    @Test(arguments: [false, true]) func vectorsMeetNoFactors(_ isWeightFirst: Bool) throws {
        let product = Product(
            data: [16], weight: isWeightFirst ? [3, 12, 16] : [3, 16, 12], isWeightFirst: isWeightFirst, batch: [0],
            inputs: [isWeightFirst ? 2 : 1], outputs: [isWeightFirst ? 1 : 2])
        let graph = try product.graph()
        let split = try SVDFactorization(hyperparameters: ["rank": 2])(graph)
        #expect(split.graph.text == graph.text && split.findings.contains { $0.status == .skipped && $0.reason.contains("vector") }, "\(split.findings)")
        let added = try LowRankCompensation(hyperparameters: ["rank": 2])(graph)
        #expect(!added.graph.nodes.contains { $0.op is Add } && added.findings.contains { $0.reason.contains("vector") }, "\(added.findings)")
        guard !isWeightFirst else { return }
        let b = GraphBuilder("two")
        let first = try b.add(MatMul(), b.input("x", .float32, [16]), b.constant("a", TestModels.normal([3, 16, 4])))
        let two = try b.graph(outputs: [b.add(MatMul(), first, b.constant("b", TestModels.normal([3, 4, 12])))])
        #expect(try MergeFactors()(two).graph.text == two.text)
    }

    /// Codes that are looked up in a table get what they lost beside them, as those behind DequantizeLinear do.
    @Test(arguments: ["int4-g16", "nf4", "mxfp4", "palette-4"]) func codesOfAnyFormAreCompensated(_ scheme: String) throws {
        let b = GraphBuilder("row")
        let x = try b.input("x", .float32, ["N", 64])
        let graph = try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", TestModels.normal([64, 96])), name: "layer")])
        let plain = try WeightOnlyQuantization(hyperparameters: ["scheme": .string(scheme)])(graph).graph
        let result = try LowRankCompensation(hyperparameters: ["rank": 8, "quantization": ["scheme": .string(scheme)]])(graph)
        let wanted = try Zoo.outputs(of: graph, like: graph)
        func error(_ other: Graph) throws -> Double {
            try wanted.map { name, tensor in tensor.relativeError(of: try #require(Zoo.outputs(of: other, like: graph)[name])) }.max() ?? .infinity
        }
        #expect(try error(result.graph) < 0.95 * error(plain), "\(result.findings)")
    }
}
