import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct ChannelBudgetTests {
    private struct Counts: Decodable {
        struct Case: Decodable {
            var value: Double
            var kept: [Int]
        }
        var layers: [[Float]]
        var ratio: [Case]
        var order: [Case]
        var energy: [Case]
    }

    /// Layers whose channels have these scores by l2.
    private func graph(_ layers: [[Float]]) throws -> Graph {
        let b = GraphBuilder("scales")
        var x = try b.input("x", .float32, ["N", 1])
        var width = 1
        for (index, scores) in layers.enumerated() {
            let rows = scores.map { [$0] + [Float](repeating: 0, count: width - 1) }
            x = try b.linear(
                x, b.constant("layer\(index)", Tensor(rows.flatMap { $0 }, shape: [scores.count, width])), name: "fc\(index)")
            width = scores.count
        }
        return try b.graph(outputs: [b.linear(x, b.constant("last", Tensor(repeating: Float(1), shape: [2, width])), name: "end")])
    }

    private func widths(_ graph: Graph, _ values: [String: HyperparameterValue]) throws -> [Int] {
        let result = try StructuredPruning(hyperparameters: values)(graph).graph
        return (0..<3).map { result.initializers["layer\($0)"]?.shape[0] ?? 0 }
    }

    /// What EasyPruner's rules keep of stored scales, by formulas that a script beside the fixture spells out.
    @Test func keptCountsAreThoseOfTheFormulas() throws {
        let known: Counts = try fixture("channel-counts")
        let graph = try graph(known.layers)
        for wanted in known.ratio {
            #expect(
                try widths(graph, ["scope": "absolute", "sparsity": .number(1 - wanted.value)]) == wanted.kept,
                "ratio \(wanted.value)")
        }
        for wanted in known.order {
            #expect(
                try widths(graph, ["budget": "threshold", "threshold": .number(wanted.value)]) == wanted.kept,
                "order \(wanted.value)")
        }
        for wanted in known.energy {
            #expect(
                try widths(graph, ["budget": "optimal-thresholding", "energy": .number(wanted.value)]) == wanted.kept,
                "energy \(wanted.value)")
        }
    }

    /// The lowest go while they hold no more than so much of Σscore², whatever the largest is and however even the scores are.
    @Test(arguments: [Float(1), 1e-6]) func energyIsAPartOfTheSumOfSquares(_ size: Float) throws {
        let layers = [[3, 1, 2, 4], [5, 5, 5, 5], [30, 0, 40, 1]].map { $0.map { $0 * size } }
        let graph = try graph(layers)
        // Squares rise to 1, 5, 14, 30; 25 each; 0, 1, 901, 2501.
        #expect(try widths(graph, ["budget": "energy", "energy": 0.02]) == [4, 4, 2])
        #expect(try widths(graph, ["budget": "energy", "energy": 0.2]) == [2, 4, 2])
        #expect(try widths(graph, ["budget": "energy", "energy": 0.51]) == [1, 2, 1])
        #expect(try widths(graph, ["budget": "energy", "energy": 1]) == [1, 1, 1])
    }

    @Test func whatAllowsNothingIsNamed() throws {
        let graph = try TestModels.perceptron()
        func reasons(_ values: [String: HyperparameterValue]) throws -> Set<String> {
            Set(try StructuredPruning(hyperparameters: values)(graph).findings.filter { $0.subject == "fc1.weight" }.map(\.reason))
        }
        #expect(try reasons(["budget": "energy", "energy": 0]) == ["nothing to remove at this energy"])
        #expect(try reasons(["budget": "threshold"]) == ["nothing to remove at this threshold"])
        #expect(try reasons(["sparsity": 0]) == ["nothing to remove at this sparsity"])
    }

    /// Where a limit leaves a group as it is that was to lose channels, it is named, and it is no success.
    @Test(arguments: [
        (["round-to": 16], "round-to 16"), (["minimum-channels": 100], "minimum-channels 100"), (["largest": 0.01], "largest 0.01"),
        (["round-to": 16, "scope": "global", "sparsity": 0.9], "round-to 16"), (["round-to": 16, "rules": ["fc*": 0.5]], "round-to 16"),
    ] as [([String: HyperparameterValue], String)])
    func limitsThatLeaveNothingAreNamed(settings: [String: HyperparameterValue], name: String) throws {
        let result = try StructuredPruning(hyperparameters: settings)(TestModels.perceptron())
        for weight in ["fc1.weight", "fc2.weight"] {
            let own = result.findings.filter { $0.subject == weight }
            #expect(own.count == 1 && own[0].status == .fellBack && own[0].reason.contains(name), "\(own)")
        }
    }

    /// Also where another group's channels go with the weight's inputs; a budget of the whole is not broken by one group.
    @Test func limitsAreThoseOfGroups() throws {
        let graph = try TestModels.perceptron()
        let own = try StructuredPruning(hyperparameters: ["sparsity": 0.5, "round-to": 8])(graph).findings.filter { $0.subject == "fc2.weight" }
        #expect(own.map(\.status) == [.done, .fellBack] && own[1].reason.contains("all of its 8 channels"), "\(own)")
        let whole = try StructuredPruning(hyperparameters: ["budget": "parameters", "sparsity": 0.3, "round-to": 8])(graph).findings
        #expect(!whole.contains { $0.status == .fellBack })
    }

    /// A threshold is the float32 nearest to what was given, as scores are: 0.1 takes channels of 0.1.
    @Test func thresholdsAreNumbersAsScoresAre() throws {
        let graph = try graph([[0.1, 0.3, 0.7, 1], [0.1, 0.2, 0.3, 1], [0.5, 0.6, 0.7, 1]])
        #expect(try widths(graph, ["importance": "l1", "budget": "threshold", "threshold": 0.1]) == [3, 3, 4])
        #expect(try widths(graph, ["importance": "l1", "budget": "threshold", "threshold": 0.7]) == [1, 1, 1])
    }

    private static let budgets: [(String, ModelCost)] = [("parameters", .parameters), ("macs", .macs), ("bytes", .bytes)]

    /// No more is left than asked for, and with one channel more there would be.
    @Test(arguments: budgets.indices, ["group", "global", "absolute"])
    func budgetsAreMetWithTheFewestChannels(_ index: Int, _ scope: String) throws {
        let (name, cost) = Self.budgets[index]
        for graph in try TestModels.all {
            for sparsity in [0.2, 0.5, 0.7] {
                let pass = try StructuredPruning(hyperparameters: [
                    "budget": .string(name), "sparsity": .number(sparsity), "scope": .string(scope),
                ])
                let result = try pass(graph)
                let finding = try #require(result.findings.first { $0.subject == "graph" && $0.quantity == cost.quantity })
                let left = try cost.share(of: result.graph, in: graph, on: PassContext().sample(for: graph))
                let place = "\(graph.name) \(name) \(scope) \(sparsity)"
                #expect(finding.after == (try cost.value(of: result.graph, on: PassContext().sample(for: graph))), "\(place)")
                guard finding.status == .done else { continue }
                #expect(left <= 1 - sparsity + 1e-9, "\(place)")
                let candidates = try pass.candidates(in: graph, Selection(in: graph), PassContext())
                let widths = candidates.ranked.map { group in
                    group.scores.count - (channels(result.graph, group, in: candidates) ?? group.scores.count)
                }
                // Giving any group its last channel back is too much for one of them at least.
                let larger = try widths.indices.filter { widths[$0] > 0 }.map { group in
                    var counts = widths
                    counts[group] -= 1
                    return try cost.share(
                        of: candidates.graph(without: candidates.lowest(counts)), in: graph, on: PassContext().sample(for: graph))
                }
                #expect(larger.isEmpty || larger.contains { $0 > 1 - sparsity + 1e-9 }, "\(place): \(larger)")
            }
        }
    }

    /// How many channels of a group are left.
    private func channels(_ graph: Graph, _ group: RankedChannels, in candidates: ChannelCandidates) -> Int? {
        group.group.members.lazy.compactMap { member in
            member.axis >= 0
                ? graph.infos[member.value]?.extents.flatMap { $0.indices.contains(member.axis) ? $0[member.axis].value : nil }
                : nil
        }.first
    }

    @Test func whatCannotBeMetFallsBack() throws {
        let graph = try TestModels.perceptron()
        let result = try StructuredPruning(hyperparameters: ["budget": "macs", "sparsity": 0.99])(graph)
        let finding = try #require(result.findings.first { $0.subject == "graph" })
        #expect(finding.status == .fellBack && !finding.reason.isEmpty)
        #expect(
            result.graph.initializers["fc1.weight"]?.shape == [1, 12] && result.graph.initializers["fc2.weight"]?.shape == [1, 1])
    }

    @Test func latencyIsMeasured() throws {
        let b = GraphBuilder("wide")
        let x = try b.input("x", .float32, ["N", 512])
        let hidden = try b.linear(x, b.constant("fc1", TestModels.normal([2048, 512])), name: "first")
        let graph = try b.graph(outputs: [b.linear(hidden, b.constant("fc2", TestModels.normal([4, 2048])), name: "second")])
        let result = try StructuredPruning(hyperparameters: ["budget": "latency", "sparsity": 0.5])(graph)
        let finding = try #require(result.findings.first { $0.subject == "graph" })
        #expect(finding.quantity.unit == "ms" && finding.before ?? 0 > 0 && finding.after ?? 0 > 0)
        #expect(result.graph.parameterCount < graph.parameterCount)
    }

    @Test func rulesSetSingleGroups() throws {
        let graph = try TestModels.perceptron()
        func shapes(_ rules: HyperparameterValue) throws -> [Shape?] {
            let result = try StructuredPruning(hyperparameters: ["sparsity": 0.5, "rules": rules])(graph).graph
            return ["fc1.weight", "fc2.weight"].map { result.initializers[$0]?.shape }
        }
        #expect(try shapes(["fc1.weight": 0.25]) == [[12, 12], [4, 12]])
        #expect(try shapes(["fc1": ["weight": 0.25]]) == [[12, 12], [4, 12]], "as the command line writes a name with a dot")
        #expect(try shapes(["fc*": 0, "fc2*": 0.75]) == [[16, 12], [2, 16]])
        #expect(throws: WinnowError.self) { try shapes(["conv*": 0.5]) }
        #expect(throws: WinnowError.self) { try shapes(["fc1*": 1.5]) }
        #expect(throws: WinnowError.self) { try shapes(["fc1*": "much"]) }
    }

    @Test func sensitivitiesSetOrderAndBound() throws {
        let graph = try TestModels.perceptron()
        let path = NSTemporaryDirectory() + "sensitivity-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #"{"fc1.weight": {"0.25": 0.01, "0.5": 0.03, "0.75": 0.2}, "fc2": {"0.25": 0.02, "0.5": 0.5}}"#
            .write(toFile: path, atomically: true, encoding: .utf8)
        func shape(_ values: [String: HyperparameterValue]) throws -> Shape? {
            try StructuredPruning(hyperparameters: values.merging(["sensitivity": .string(path)]) { $1 })(graph).graph
                .initializers["fc2.weight"]?.shape
        }
        #expect(try shape(["max-loss": 0.02]) == [6, 10], "6 of 16 lie within 0.375, 2 of 8 within 0.25")
        #expect(try shape(["max-loss": 0]) == [8, 16])
        #expect(try shape(["max-loss": 1]) == [4, 4], "nothing goes beyond what was measured")
        #expect(try shape(["sparsity": 0.25]) == [8, 10], "the six of the least loss")
        #expect(try StructuredPruning(hyperparameters: ["sensitivity": .string(path)]).files == [path])
    }
}
