import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Wanda and SparseGPT as an independent script writes them down (`Fixtures/make_pruning.py`).
struct SecondOrderPruningTests {
    private struct Fixture: Decodable {
        var wanda: String
        var half: [Float]
        var pairs: [Float]
    }
    private static let (rows, outputs, inputs) = (400, 8, 160)

    private static func fixture() throws -> Fixture {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/pruning", withExtension: "json"))
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    }

    /// - Parameter unmet: inputs that are always 0.
    private static func rowsOfData(unmet: Range<Int> = 5..<6) -> Tensor {
        var x = formulaNumbers(rows, inputs, 7919, 7907, 31)
        for row in 0..<rows {
            for column in 1..<inputs { x[row * inputs + column] += 0.75 * x[row * inputs + column - 1] }
            for column in 0..<inputs { x[row * inputs + column] *= unmet.contains(column) ? 0 : column % 16 == 3 ? 8 : 1 }
        }
        return Tensor(x.map { Float($0) }, shape: [rows, inputs])
    }

    /// One layer, its weight outputs × inputs, or as MatMul has it.
    ///
    /// - Parameters:
    ///   - shift: what is added to every weight, so that none is 0.
    ///   - unmet: inputs that are always 0.
    static func layer(transposed: Bool = false, shift: Double = 0, unmet: Range<Int> = 5..<6) throws -> (graph: Graph, context: PassContext) {
        let weight = Tensor(formulaNumbers(outputs, inputs, 523, 6007, 91).map { Float($0 + shift) }, shape: [outputs, inputs])
        let b = GraphBuilder("layer")
        let x = try b.input("x", .float32, ["N", .fixed(inputs)])
        let y = try transposed
            ? b.add(MatMul(), x, b.constant("w", weight.transposed([1, 0])), name: "fc")
            : b.linear(x, b.constant("w", weight), b.constant("b", Tensor([Float](repeating: 0, count: outputs))), name: "fc")
        return (try b.graph(outputs: [y]), PassContext(calibration: try Dataset([.init(name: "x", rowsOfData(unmet: unmet))])))
    }

    private func pruned(
        _ importance: String, _ settings: [String: HyperparameterValue] = [:], transposed: Bool = false, unmet: Range<Int> = 5..<6
    ) throws -> [Float] {
        let (graph, context) = try Self.layer(transposed: transposed, shift: 0.5 / 504, unmet: unmet)
        let pass = try MagnitudePruning(hyperparameters: settings.merging(["importance": .string(importance)]) { $1 })
        let weight = try #require(pass(graph, in: context).graph.initializers["w"])
        return (transposed ? weight.transposed([1, 0]) : weight).floats()
    }

    @Test(arguments: [false, true]) func wandaIsTheScripts(transposed: Bool) throws {
        let own = try pruned("wanda", transposed: transposed).map { $0 == 0 ? "0" : "1" }.joined()
        let wanted = try Self.fixture().wanda
        #expect(own == wanted)
    }

    /// Masks are the script's, and so is what the update makes of what stays.
    @Test(arguments: [false, true]) func sparseGPTIsTheScripts(isPaired: Bool) throws {
        let (graph, _) = try Self.layer()
        let site = try #require(graph.weightSites.first)
        let contraction = try #require(Contraction(site, in: graph))
        var gram = GramMatrix(contraction)
        let data = Self.rowsOfData()
        data.floats().withUnsafeBufferPointer { gram.add($0, shape: data.shape) }
        let layer = LayerReconstruction(contraction: contraction, moments: [(0..<contraction.depth, SecondMoment(gram))])
        let weight = try #require(MaskedWeight("w", graph.initializers["w"], mask: nil))
        let own = try #require(
            SparseGPTImportance(layers: ["w": layer])
                .corrected(weight, isPaired ? .semiStructured(kept: 2, of: 4) : .unstructured, .fraction(0.5)))
        let wanted = try isPaired ? Self.fixture().pairs : Self.fixture().half
        #expect(zip(own.floats(), wanted).allSatisfy { ($0 == 0) == ($1 == 0) })
        #expect(own.relativeError(of: Tensor(wanted, shape: own.shape)) < 1e-4)
    }

    /// Each moves the outputs less than the one before, also where blocks or pairs go, and either way the weight is stored.
    @Test(arguments: [[:], ["pattern": "2:4"], ["sparsity": 0.7]] as [[String: HyperparameterValue]], [false, true])
    func sparseGPTKeepsOutputs(settings: [String: HyperparameterValue], transposed: Bool) throws {
        let (graph, whole) = try Self.layer(transposed: transposed)
        // As many samples as SparseGPT takes.
        let data = try #require(whole.calibration).subset(0..<128)
        let context = PassContext(calibration: data)
        let x = ["x": try data.features[0].tensor]
        let before = try #require(Session(graph).run(x)[graph.outputNames[0]])
        let errors = try ["magnitude", "wanda", "sparsegpt"].map { importance in
            let pass = try MagnitudePruning(hyperparameters: settings.merging(["importance": .string(importance)]) { $1 })
            let result = try pass(graph, in: context)
            try WrittenModels.keep(result.graph, "passes", "magnitude-pruning \(importance) \(settings) \(transposed)")
            return try before.relativeError(of: #require(Session(result.graph).run(x)[graph.outputNames[0]]))
        }
        #expect(errors[0] > errors[1] && errors[1] > errors[2], "\(errors)")
    }

    @Test func sparseGPTDoesNothingWhereNothingIsAsked() throws {
        let (graph, context) = try Self.layer()
        let result = try MagnitudePruning(hyperparameters: ["importance": "sparsegpt", "sparsity": 0])(graph, in: context)
        #expect(result.graph.initializers == graph.initializers)
        let all = try MagnitudePruning(hyperparameters: ["importance": "sparsegpt", "sparsity": 1])(graph, in: context)
        #expect(all.graph.initializers["w"]?.sparsity == 1)
    }

    /// What is pruned stays pruned, and masks cover what goes while what stays is corrected beneath them.
    @Test(arguments: ["unstructured", "2:4", "1x4"]) func sparseGPTPrunesFurther(pattern: String) throws {
        let (graph, context) = try Self.layer()
        let first = try MagnitudePruning(hyperparameters: ["importance": "wanda", "sparsity": 0.3])(graph, in: context).graph
        let settings: [String: HyperparameterValue] = [
            "importance": "sparsegpt", "sparsity": 0.5, "pattern": .string(pattern), "keep-mask": true,
        ]
        let result = try MagnitudePruning(hyperparameters: settings)(first, in: context)
        let mask = try #require(result.graph.initializers["w.mask"]).floats()
        let before = try #require(first.initializers["w"]).floats()
        #expect(zip(before, mask).allSatisfy { $0 != 0 || $1 == 0 })
        #expect(mask.count { $0 == 0 } > before.count { $0 == 0 })
        let folded = try result.graph.foldingMasks()
        #expect(try #require(folded.initializers["w"]).floats().enumerated().allSatisfy { ($1 == 0) == (mask[$0] == 0) })
        let said = result.findings.contains { $0.status == .fellBack && $0.reason.contains("unprune") }
        #expect(said == (pattern != "1x4"))
    }

    /// What is asked for is of the whole weight: its blocks share it, and inputs that no data meets do not add to it.
    @Test(arguments: [5..<6, 0..<128]) func sparseGPTTakesWhatIsAskedFor(unmet: Range<Int>) throws {
        let asked: [([String: HyperparameterValue], Int)] = [
            (["mode": "count", "count": 10], 10), (["mode": "count", "count": 999], 999), (["sparsity": 0.3], 384), (["sparsity": 0.9], 1152),
            (["mode": "total", "sparsity": 0.001], 1),
        ]
        for (settings, count) in asked {
            for transposed in [false, true] {
                let zeros = try pruned("sparsegpt", settings, transposed: transposed, unmet: unmet).count { $0 == 0 }
                #expect(zeros == count, "\(settings)")
            }
        }
        // ⌊q(n − 1)/100⌋ + 1 scores lie at or below the linear percentile; 0 is the score of all that no data meets.
        let part = try pruned("sparsegpt", ["mode": "percentile", "percentile": 30], unmet: unmet).count { $0 == 0 }
        #expect(part == max(384, 8 * unmet.count))
    }

    /// A threshold is one of scores, in every block: of what no data meets all goes, for it costs nothing.
    @Test func sparseGPTCutsScores() throws {
        for threshold in [0, 0.05, 0.2] {
            let left = try pruned("sparsegpt", ["mode": "threshold", "threshold": .number(threshold)])
            #expect((0..<Self.outputs).allSatisfy { left[$0 * Self.inputs + 5] == 0 })
            #expect((left.count { $0 == 0 } == Self.outputs) == (threshold == 0), "\(threshold)")
        }
    }

    /// The smallest of the weights that no data meets go first, and nothing else changes while these suffice.
    @Test func whatNoDataMeetsGoesFirst() throws {
        let dense = try #require(Self.layer(shift: 0.5 / 504).graph.initializers["w"]).floats()
        let left = try pruned("sparsegpt", ["mode": "count", "count": 5])
        let column = (0..<Self.outputs).map { $0 * Self.inputs + 5 }
        let gone = Set(column.sorted { abs(dense[$0]) < abs(dense[$1]) }.prefix(5))
        #expect(left.indices.allSatisfy { left[$0] == (gone.contains($0) ? 0 : dense[$0]) })
        let pairs = try pruned("sparsegpt", ["pattern": "2:4"], unmet: 4..<8)
        for row in 0..<Self.outputs {
            let group = (4..<8).map { row * Self.inputs + $0 }
            let kept = group.filter { pairs[$0] != 0 }
            #expect(Set(kept) == Set(group.sorted { abs(dense[$0]) > abs(dense[$1]) }.prefix(2)))
            #expect(kept.allSatisfy { pairs[$0] == dense[$0] })
        }
    }

    /// Where the data shows a layer only zeros nothing tells weights apart but their magnitudes, which is said.
    @Test(arguments: ["wanda", "sparsegpt"]) func withoutDataMagnitudesCount(importance: String) throws {
        let (graph, context) = try Self.layer(shift: 0.5 / 504, unmet: 0..<Self.inputs)
        let result = try MagnitudePruning(hyperparameters: ["importance": .string(importance), "sparsity": 0.3])(graph, in: context)
        #expect(try result.graph.initializers == MagnitudePruning(hyperparameters: ["sparsity": 0.3])(graph).graph.initializers)
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .fellBack && $0.reason.contains("only zeros") })
    }

    /// A threshold of scores says nothing of magnitudes.
    @Test func withoutScoresThresholdsCutNothing() throws {
        let (graph, context) = try Self.layer(unmet: 0..<Self.inputs)
        let pass = try MagnitudePruning(hyperparameters: ["importance": "sparsegpt", "mode": "threshold", "threshold": 0.5])
        let result = try pass(graph, in: context)
        #expect(result.graph.initializers == graph.initializers)
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .fellBack && $0.reason.contains("it stays") })
    }

    /// Tensors are not compared with each other, which is said; a count is still one of all.
    @Test func sparseGPTHasNoScope() throws {
        let graph = try TestModels.perceptron()
        func result(_ settings: [String: HyperparameterValue]) throws -> PassResult {
            let pass = try MagnitudePruning(hyperparameters: settings.merging(["importance": "sparsegpt"]) { $1 })
            return try pass(graph, in: TestModels.context(for: graph))
        }
        let (global, single) = try (result(["scope": "global"]), result([:]))
        func isSaid(_ result: PassResult) -> Bool {
            result.findings.contains { $0.subject == "graph" && $0.status == .fellBack && $0.reason.contains("scope global") }
        }
        #expect(isSaid(global) && !isSaid(single) && global.graph.initializers == single.graph.initializers)
        let counted = try result(["scope": "global", "mode": "count", "count": 50]).graph
        let zeros = ["fc1.weight", "fc2.weight", "fc3.weight"].map { counted.initializers[$0]?.zeroCount ?? 0 }
        #expect(zeros.reduce(0, +) == 50 && !zeros.contains(0), "\(zeros)")
    }
}
