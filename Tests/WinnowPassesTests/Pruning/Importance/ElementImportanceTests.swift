import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

extension Zoo {
    /// Models whose loss has no gradient as they are at inference: recurrent layers have one in training form only.
    static let withoutGradient = partlyTrained
}

struct ElementImportanceTests {
    /// Every importance but the one of files prunes models of every kind, or says through what it cannot be told; what it knows
    /// nothing of it names.
    @Test(arguments: ElementImportances.names.filter { $0 != "custom" })
    func everyModelGoesThrough(importance: String) throws {
        for make in Zoo.all + TestModels.makers {
            let graph = try make()
            let pass = try MagnitudePruning(hyperparameters: ["importance": .string(importance)])
            let context = try Zoo.context(for: graph)
            let result: PassResult
            do { result = try pass(graph, in: context) } catch let error as WinnowError where error.kind == .unsupported {
                #expect(Zoo.withoutGradient.contains(graph.name), "\(importance) \(graph.name): \(error)")
                continue
            }
            try WrittenModels.keep(result.graph, "passes", "magnitude-pruning \(importance) \(graph.name)")
            for finding in result.findings where finding.status != .done { #expect(!finding.reason.isEmpty) }
            let pruned = result.findings.filter { $0.quantity == .sparsity && $0.status == .done }
            #expect(pruned.allSatisfy { (0.3...0.7).contains($0.after ?? 0) }, "\(importance) \(graph.name): \(pruned)")
            let again = try pass(graph, in: context).graph
            #expect(again.initializers == result.graph.initializers, "\(importance) \(graph.name)")
            for (name, tensor) in try Zoo.outputs(of: result.graph, like: graph) {
                #expect(tensor.finiteness == nil, "\(importance) \(graph.name): \(name)")
            }
        }
    }

    @Test func seedsChangeWhatIsRandom() throws {
        let graph = try TestModels.perceptron()
        let pass = try MagnitudePruning(hyperparameters: ["importance": "random"])
        func pruned(_ seed: UInt64) throws -> Tensor? {
            try pass(graph, in: PassContext(seed: seed)).graph.initializers["fc1.weight"]
        }
        #expect(try pruned(1) == pruned(1) && pruned(1) != pruned(2))
    }

    private func pruned(_ arrays: [String: Tensor], _ settings: [String: HyperparameterValue] = [:]) throws -> Graph {
        var context = PassContext()
        context.loadArrays = { _ in arrays }
        let defaults: [String: HyperparameterValue] = ["importance": "custom", "scores": "scores.npz"]
        let pass = try MagnitudePruning(hyperparameters: defaults.merging(settings) { $1 })
        return try pass(TestModels.perceptron(), in: context).graph
    }

    private func scores(_ numbers: (Int) -> Float) -> Tensor { Tensor((0..<32).map(numbers), shape: [4, 8]) }

    /// Scores of one's own decide, below 0 or not, as the one array of a file or by name.
    @Test(arguments: [Float(0), 20]) func ownScoresDecide(shift: Float) throws {
        let own = scores { Float($0 * 13 % 32) - shift }
        for name in ["fc3.weight", ""] {
            let weight = try #require(pruned([name: own], ["only": ["fc3.weight"]]).initializers["fc3.weight"]).floats()
            #expect(weight.indices.allSatisfy { (weight[$0] == 0) == ($0 * 13 % 32 < 16) })
        }
    }

    @Test(arguments: [
        ("is not in the file", "other", Tensor([Float](repeating: 1, count: 32), shape: [4, 8])),
        ("scores of shape [8×4]", "fc3.weight", Tensor([Float](repeating: 1, count: 32), shape: [8, 4])),
        ("not finite", "fc3.weight", Tensor([Float](repeating: .nan, count: 32), shape: [4, 8])),
        ("not numbers", "fc3.weight", Tensor([Bool](repeating: true, count: 32), shape: [4, 8])),
    ]) func wrongScoresAreRefused(sentence: String, name: String, array: Tensor) {
        let error = #expect(throws: WinnowError.self) { try pruned([name: array], ["only": ["fc3.weight"]]) }
        let text = error?.description ?? ""
        #expect(text.contains(sentence) && text.contains("scores.npz: fc3.weight"), "\(text)")
    }

    /// Scores of what the model does not have are refused; of what is not pruned they are passed over.
    @Test func scoresOfNothingAreRefused() throws {
        let own = scores { Float($0) }
        let error = #expect(throws: WinnowError.self) { try pruned(["fc3.weight": own, "fc4.weight": own], ["only": ["fc3.weight"]]) }
        #expect(error?.description.contains("fc4.weight: is no tensor of the model") == true, "\(error?.description ?? "")")
        _ = try pruned(["fc3.weight": own, "fc3.bias": own], ["only": ["fc3.weight"]])
    }

    @Test func scoresAndCustomGoTogether() {
        #expect(throws: WinnowError.self) { try pruned([:], ["scores": .none]) }
        #expect(throws: WinnowError.self) { try pruned([:], ["importance": "magnitude"]) }
    }

    /// What scores of one's own are compared with is theirs too, below 0 or not.
    @Test(arguments: [Float(0), 20]) func ownScoresHaveThresholdsAndDeviations(shift: Float) throws {
        let own = (0..<32).map { Float($0 * 13 % 32) - shift }
        func isZero(_ settings: [String: HyperparameterValue]) throws -> [Bool] {
            let values = settings.merging(["only": ["fc3.weight"]]) { $1 }
            return try #require(pruned(["": Tensor(own, shape: [4, 8])], values).initializers["fc3.weight"]).floats().map { $0 == 0 }
        }
        for threshold in [Float(0), 3] {
            #expect(try isZero(["mode": "threshold", "threshold": .number(Double(threshold))]) == own.map { $0 <= threshold })
        }
        // Of 32 neighbouring whole numbers σ² is (32² − 1)/12.
        let limit = Float(0.25 * (1023.0 / 12).squareRoot())
        #expect(try isZero(["mode": "standard-deviation", "quality": 0.25]) == own.map { $0 <= limit })
    }

    /// σ is that of the scores that are compared with it.
    @Test(arguments: ["taylor", "fisher", "lamp", "random"]) func deviationsAreOfScores(importance: String) throws {
        let graph = try TestModels.perceptron()
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 24))
        let settings: [String: HyperparameterValue] = [
            "importance": .string(importance), "mode": "standard-deviation", "quality": 0.5, "only": ["fc2.weight"],
        ]
        let result = try #require(MagnitudePruning(hyperparameters: settings)(graph, in: context).graph.initializers["fc2.weight"])
        let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
        var member = Chosen<ElementImportances>(name: importance).member.init()
        try member.prepare(for: targets, scores: nil, in: graph, context)
        let weight = try #require(targets.first { $0.tensor == "fc2.weight" }.flatMap { MaskedWeight($0, in: graph) })
        let scores = try #require(member.scores(of: weight)).map(Double.init)
        let mean = scores.reduce(0, +) / Double(scores.count)
        let limit = 0.5 * (scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(scores.count)).squareRoot()
        #expect(result.zeroCount == scores.count { $0 <= limit })
    }

    /// Ranks are compared with nothing but each other, and the sentence says how they can be used.
    @Test(arguments: ElementImportances.all.filter { $0.meaning == .ranks }.map { $0.name }, ["threshold", "standard-deviation"])
    func ranksHaveNoThreshold(importance: String, mode: String) throws {
        let graph = try TestModels.perceptron()
        let pass = try MagnitudePruning(hyperparameters: ["importance": .string(importance), "mode": .string(mode)])
        let error = #expect(throws: WinnowError.self) { try pass(graph, in: TestModels.context(for: graph)) }
        let text = error?.description ?? ""
        #expect(error?.kind == .usage && text.contains(importance) && text.contains("fraction, total, below, count, percentile"), "\(text)")
    }

    @Test func ranksAreKnown() { #expect(WandaImportance.meaning == .ranks && MovementImportance.meaning == .ranks) }
}
