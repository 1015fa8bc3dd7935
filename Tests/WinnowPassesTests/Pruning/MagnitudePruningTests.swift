import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct MagnitudePruningTests {
    private func pass(_ values: [String: HyperparameterValue]) throws -> MagnitudePruning {
        try MagnitudePruning(hyperparameters: values)
    }

    private func zeros(_ graph: Graph, _ name: String) -> Int {
        graph.initializers[name]?.floats().count { $0 == 0 } ?? -1
    }

    @Test(arguments: [0.2, 0.3, 0.5, 0.9, 1.0])
    func prunesTheSmallestOfEachTensor(_ sparsity: Double) throws {
        let graph = try TestModels.perceptron()
        let result = try pass(["sparsity": .number(sparsity)])(graph).graph
        for name in ["fc1.weight", "fc2.weight", "fc3.weight"] {
            let old = try #require(graph.initializers[name]?.floats())
            let count = Int((sparsity * Double(old.count)).rounded(.toNearestOrEven))
            let pruned = Set(old.indices.sorted { abs(old[$0]) < abs(old[$1]) }.prefix(count))
            let expected = old.indices.map { pruned.contains($0) ? 0 : old[$0] }
            #expect(result.initializers[name]?.floats() == expected)
        }
        #expect(result.initializers["fc1.bias"] == graph.initializers["fc1.bias"])
    }

    @Test func theFractionIsOfWhatIsLeft() throws {
        let graph = try TestModels.perceptron()
        let half = try pass(["sparsity": 0.5, "keep-mask": true])
        let twice = try half(half(graph).graph).graph
        #expect(twice.initializers["fc1.weight.mask"]?.floats().count { $0 == 0 } == 144)
        let folded = try pass(["sparsity": 0.5])
        #expect(zeros(try folded(folded(graph).graph).graph, "fc1.weight") == 144)
    }

    @Test func masksAreNested() throws {
        let graph = try TestModels.convolutional()
        let first = try pass(["sparsity": 0.3, "keep-mask": true])(graph).graph
        let second = try pass(["sparsity": 0.5, "scope": "global", "keep-mask": true])(first).graph
        for mask in first.maskNodes.map(\.mask) {
            let (old, new) = (
                try #require(first.initializers[mask]?.floats()), try #require(second.initializers[mask]?.floats())
            )
            #expect(zip(old, new).allSatisfy { $0 >= $1 })
        }
    }

    @Test func globalComparesAllTensors() throws {
        let graph = try TestModels.perceptron()
        let result = try pass(["sparsity": 0.8, "scope": "global"])(graph).graph
        let names = ["fc1.weight", "fc2.weight", "fc3.weight"]
        let all = names.flatMap { graph.initializers[$0]?.floats() ?? [] }
        #expect(names.reduce(0) { $0 + zeros(result, $1) } == Int((0.8 * Double(all.count)).rounded(.toNearestOrEven)))
        let left = names.flatMap { result.initializers[$0]?.floats() ?? [] }
        let threshold = zip(all, left).filter { $1 == 0 }.map { abs($0.0) }.max() ?? 0
        #expect(left.filter { $0 != 0 }.allSatisfy { abs($0) >= threshold })
    }

    /// Lee et al. 2021, equation 3: w² over the sum of squares that are not smaller.
    @Test func layerAdaptiveScores() throws {
        let weight = try #require(MaskedWeight("w", Tensor([3, -1, 2, 0.5, 0] as [Float]), mask: nil))
        let expected: [Float] = [9 / 9, 1 / 14, 4 / 13, 0.25 / 14.25, -1]
        let scores = try #require(LAMPImportance().scores(of: weight))
        #expect(scores.count == expected.count)
        for (score, value) in zip(scores, expected) { #expect(abs(score - value) < 1e-6) }
    }

    @Test func countsAndTotalsAreExact() throws {
        let graph = try TestModels.perceptron()
        #expect(zeros(try pass(["mode": "count", "count": 7])(graph).graph, "fc1.weight") == 7)
        let once = try pass(["sparsity": 0.5])(graph).graph
        #expect(zeros(try pass(["mode": "total", "sparsity": 0.5])(once).graph, "fc1.weight") == 96)
        #expect(zeros(try pass(["mode": "total", "sparsity": 0.75])(once).graph, "fc1.weight") == 144)
    }

    /// Each tensor has a threshold of its own (Han et al. 2015).
    @Test func qualityIsOfTheTensorsDeviation() throws {
        let graph = try TestModels.perceptron()
        let result = try pass(["mode": "standard-deviation", "quality": 0.8])(graph).graph
        for name in ["fc1.weight", "fc3.weight"] {
            let values = try #require(graph.initializers[name]).doubles()
            let mean = values.reduce(0, +) / Double(values.count)
            let limit = 0.8 * (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
            #expect(result.initializers[name]?.doubles() == values.map { $0.magnitude <= limit ? 0 : $0 })
        }
    }

    @Test func thresholdPrunesUpToIt() throws {
        let graph = try TestModels.perceptron()
        let result = try pass(["mode": "threshold", "threshold": 0.1])(graph).graph
        let old = try #require(graph.initializers["fc2.weight"]?.floats())
        #expect(result.initializers["fc2.weight"]?.floats() == old.map { abs($0) <= 0.1 ? 0 : $0 })
    }

    /// A threshold is what a weight of its type that was given the same number is, as NumPy and torch compare them, whatever else is pruned.
    @Test(arguments: [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    func thresholdsAreNumbersOfTheWeightsType(_ threshold: Double) throws {
        let numbers = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9]
        let types: [ElementType] = [.float32, .float16, .bfloat16, .float64]
        for scope in ["tensor", "global"] {
            let b = GraphBuilder("typed")
            let x = try b.input("x", .float32, ["N", 1])
            let outputs = try types.map { type in
                let w = b.constant("\(type)", Tensor(numbers, shape: [1, numbers.count], as: type))
                return try b.add(MatMul(), x, type == .float32 ? w : b.add(Cast(to: .float32), w))
            }
            let pruned = try pass(["mode": "threshold", "threshold": .number(threshold), "scope": .string(scope)])(b.graph(outputs: outputs)).graph
            for type in types {
                #expect(pruned.initializers["\(type)"]?.zeroCount == numbers.count { $0 <= threshold }, "\(type) \(scope)")
            }
        }
    }

    /// ⌊q(n−1)/100⌋ + 1 weights lie at or below the linear percentile.
    @Test(arguments: [10.0, 37.0, 50.0, 90.0])
    func percentilePrunesUpToIt(_ percentile: Double) throws {
        let graph = try TestModels.perceptron()
        let result = try pass(["mode": "percentile", "percentile": .number(percentile)])(graph).graph
        #expect(zeros(result, "fc1.weight") == Int(percentile * 191 / 100) + 1)
    }

    /// `np.percentile(np.abs(w), q)` of a tensor counts its zeros; masked weights are no numbers of it.
    @Test(arguments: [(0.0, 96), (30.0, 96), (50.0, 96), (51.0, 98), (80.0, 153)])
    func percentilesCountZeros(_ percentile: Double, _ expected: Int) throws {
        let graph = try pass(["sparsity": 0.5])(TestModels.perceptron()).graph
        let result = try pass(["mode": "percentile", "percentile": .number(percentile), "only": ["fc1*"]])(graph).graph
        #expect(zeros(result, "fc1.weight") == expected)
        let masked = try pass(["sparsity": 0.5, "keep-mask": true])(TestModels.perceptron()).graph
        let half = try pass(["mode": "percentile", "percentile": 50, "only": ["fc1*"], "keep-mask": true])(masked).graph
        #expect(half.initializers["fc1.weight.mask"]?.floats().count { $0 == 0 } == 144)
    }

    @Test func unprunedIsTheDenseModel() throws {
        let graph = try TestModels.convolutional()
        let masked = try pass(["sparsity": 0.7, "keep-mask": true])(graph).graph
        let dense = try Unprune()(masked).graph
        #expect(dense.text == graph.text && dense.initializers == graph.initializers)
    }

    @Test func foldingMasksChangesNoOutput() throws {
        let graph = try TestModels.convolutional()
        let masked = try pass(["sparsity": 0.7, "keep-mask": true])(graph).graph
        let folded = try FoldMasks()(masked).graph
        #expect(folded.nodes.count == graph.nodes.count && folded.maskNodes.isEmpty)
        #expect(try TestModels.largestDifference(masked, folded) == 0)
    }

    @Test func patternsSelect() throws {
        let graph = try TestModels.perceptron()
        let result = try pass(["sparsity": 0.5, "except": ["fc3*"], "only": ["*.weight"]])(graph)
        #expect(zeros(result.graph, "fc3.weight") == 0 && zeros(result.graph, "fc1.weight") == 96)
        #expect(
            result.findings.contains { $0.subject == "fc3.weight" && $0.status == .kept && $0.reason.contains("fc3*") })
    }

    /// torch.nn.utils.prune refuses a count of more than there are; so it is here, of a tensor or of all.
    @Test(arguments: [("tensor", "unstructured", 33, "fc3.weight"), ("tensor", "1x4", 9, "fc3.weight"), ("global", "unstructured", 353, "count")])
    func countsOfMoreThanAreLeftAreRefused(scope: String, pattern: String, count: Int, subject: String) throws {
        let graph = try TestModels.perceptron()
        func pruned(_ count: Int) throws -> Graph {
            try pass(["mode": "count", "count": .int(count), "scope": .string(scope), "pattern": .string(pattern)])(graph).graph
        }
        let error = #expect(throws: WinnowError.self) { try pruned(count) }
        let text = error?.description ?? ""
        #expect(error?.kind == .usage && text.contains(subject) && text.contains("only \(count - 1) are left"), "\(text)")
        #expect(zeros(try pruned(count - 1), "fc3.weight") == 32)
    }
}
