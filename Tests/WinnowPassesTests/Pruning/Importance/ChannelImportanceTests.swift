import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct ChannelImportanceTests {
    /// The candidates of a model with their scores.
    private func ranked(
        _ graph: Graph, _ importance: any ChannelImportance, _ ranking: ChannelRanking = ChannelRanking(), _ context: PassContext
    ) throws -> [RankedChannels] {
        let coupling = CouplingGroups(graph)
        var candidates = coupling.groups(madeBy: coupling.channelWeights(in: graph))
            .compactMap { RankedChannels($0.group, $0.weights, coupling, graph) }
        var importance = importance
        try importance.prepare(for: candidates.flatMap(\.members), in: graph, context)
        for index in candidates.indices { candidates[index].rank(ranking, by: importance) }
        return candidates
    }

    private func scores(
        _ graph: Graph, _ importance: some ChannelImportance, of weight: String, _ context: PassContext
    ) throws -> [Float] {
        let candidates = try ranked(graph, importance, ChannelRanking(), context)
        return try #require(candidates.first { $0.members.contains { $0.weight.tensor == weight } }).scores
    }

    @Test(arguments: ChannelImportances.names, StructuredPruning.Scope.allCases)
    func everyModelGoesThrough(importance: String, scope: StructuredPruning.Scope) throws {
        for make in Zoo.all + TestModels.makers {
            let graph = try make()
            let pass = try StructuredPruning(hyperparameters: [
                "importance": .string(importance), "scope": .string(scope.rawValue),
            ])
            let result: PassResult
            do {
                result = try pass(graph, in: Zoo.context(for: graph))
            } catch let error as WinnowError where error.kind == .unsupported {
                #expect(Zoo.withoutGradient.contains(graph.name), "\(importance) \(graph.name): \(error)")
                continue
            }
            try WrittenModels.keep(result.graph, "passes", "structured-pruning \(importance) \(scope) \(graph.name)")
            for finding in result.findings where finding.status != .done { #expect(!finding.reason.isEmpty) }
            for (name, tensor) in try Zoo.outputs(of: result.graph, like: graph) {
                #expect(tensor.finiteness == nil, "\(importance) \(graph.name): \(name)")
            }
        }
    }

    /// Channels of one weight that go apart behind its normalization are ranked each by their own numbers.
    @Test(arguments: ChannelImportances.names) func partsOfAWeightHaveScoresOfTheirOwn(_ name: String) throws {
        let b = GraphBuilder("parts")
        let x = try b.input("x", .float32, ["N", 3, 6, 6])
        let h = try b.add(Conv(window: Window(extents: [3, 3])), x, b.constant("w", TestModels.normal([8, 3, 3, 3])))
        let statistics = [
            Tensor((1...8).map { Float(9 - $0) }), TestModels.normal([8]), TestModels.normal([8]), Tensor([Float](repeating: 1, count: 8)),
        ]
        let normal = try b.add(
            BatchNormalization(), inputs: [h] + statistics.enumerated().map { b.constant("bn\($0)", $1) })[0]
        let parts = try b.add(Split(axis: 1), inputs: [normal, b.constant("sizes", Tensor([Int64(6), 2]))], outputs: 2)
        let heads = try parts.enumerated().map { index, part in
            let rows = try b.add(Flatten(), b.add(GlobalAveragePool(), b.add(Relu(), part)))
            return try b.add(MatMul(), rows, b.constant("head\(index)", TestModels.normal([index == 0 ? 6 : 2, 3])))
        }
        let graph = try b.graph(outputs: [b.add(Add(), heads[0], heads[1], name: "y")])
        let candidates = try ranked(graph, Chosen<ChannelImportances>(name: name).member.init(), ChannelRanking(), Zoo.context(for: graph))
        #expect(candidates.map(\.scores.count).sorted() == [2, 6])
        guard name == "batch-norm-scale" else { return }
        #expect(Set(candidates.map(\.scores)) == [[8, 7, 6, 5, 4, 3], [2, 1]])
    }

    /// The mean square of a sample's gradient at a gate that multiplies one channel's weights, by finite differences.
    @Test func taylorIsTheGateOfAChannel() throws {
        let graph = try TestModels.convolutional()
        let data = try TestModels.dataset(for: graph, count: 12)
        let own = try scores(graph, TaylorChannelImportance(), of: "conv2.weight", PassContext(calibration: data))
        let stored = try #require(graph.initializers["conv2.weight"])
        let labels = try #require(data.labels)
        func losses(_ channel: Int, _ gate: Float) throws -> [Double] {
            let numbers = stored.floats().enumerated().map { $0 / 24 == channel ? $1 * gate : $1 }
            let moved = try graph.settingInitializers(["conv2.weight": Tensor(numbers, shape: stored.shape)])
            return try zip(TestModels.predictions(of: moved, on: data.features[0].tensor), labels).map { scores, label in
                log(scores.reduce(0) { $0 + exp(Double($1)) }) - Double(scores[label])
            }
        }
        for channel in 0..<8 {
            let gradients = try zip(losses(channel, 1.01), losses(channel, 0.99)).map { ($0 - $1) / 0.02 }
            let square = gradients.reduce(0) { $0 + $1 * $1 } / 12
            #expect(abs(Double(own[channel]) - square) < 0.03 * (square + 0.01), "\(channel): \(own[channel]) \(square)")
        }
    }

    /// Half of the sum of what element scores say.
    @Test func fisherSumsItsWeights() throws {
        let graph = try TestModels.perceptron()
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 24))
        let own = try scores(graph, FisherChannelImportance(), of: "fc2.weight", context)
        let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
        var elements = FisherImportance()
        try elements.prepare(for: targets, scores: nil, in: graph, context)
        let weight = try #require(MaskedWeight("fc2.weight", graph.initializers["fc2.weight"], mask: nil))
        let each = try #require(elements.scores(of: weight))
        for channel in 0..<8 {
            let sum = each[(channel * 16)..<(channel * 16 + 16)].reduce(0, +)
            #expect(abs(own[channel] - sum) <= 1e-4 * (sum + 1e-3))
        }
    }

    /// A channel whose Relu is always shut has only zeros, one that is wide open has none, and its mean is the largest.
    @Test func activationsAreThoseBehindTheRelu() throws {
        var graph = try TestModels.perceptron()
        var bias = try #require(graph.initializers["fc1.bias"]).floats()
        (bias[3], bias[7]) = (-1000, 1000)
        graph = try graph.settingInitializers(["fc1.bias": Tensor(bias)])
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 40))
        let (means, zeros) = (
            try scores(graph, ActivationImportance(), of: "fc1.weight", context),
            try scores(graph, ZeroPercentageImportance(), of: "fc1.weight", context)
        )
        #expect(means[3] == 0 && zeros[3] == 0 && zeros[7] == 1 && means.max() == means[7] && abs(means[7] - 1000) < 5)
        let x = try #require(context.calibration).features[0].tensor
        let outputs = try Session(graph.applying(GraphEdit.outputs(["relu1"]))).run(["x": x])
        let values = try #require(outputs["relu1"]).floats()
        for channel in 0..<16 {
            let own = (0..<40).map { values[$0 * 16 + channel] }
            #expect(abs(means[channel] - own.reduce(0, +) / 40) < 1e-3 * (1 + means[channel]))
            #expect(abs(zeros[channel] - Float(own.count { $0 != 0 }) / 40) < 1e-6)
        }
    }

    @Test func scalesOfNormalizationsRank() throws {
        let graph = try TestModels.residual()
        let own = try scores(graph, BatchNormScaleImportance(), of: "block.conv1.weight", PassContext())
        let stored = try #require(graph.initializers["block.conv1.norm.scale"]).floats()
        #expect(own == stored.map(\.magnitude))
        // Stem and block are coupled: both scales count.
        let coupled = try scores(graph, BatchNormScaleImportance(), of: "stem.weight", PassContext())
        let scales = try ["stem", "block.conv2"].map { try #require(graph.initializers["\($0).norm.scale"]).floats() }
        #expect(coupled.indices.allSatisfy { coupled[$0] >= abs(scales[0][$0]) + abs(scales[1][$0]) - 1e-6 })
    }

    /// Without normalization the same goes as by l2, and it is said.
    @Test func withoutNormalizationNormsRank() throws {
        let graph = try TestModels.convolutional()
        let result = try StructuredPruning(hyperparameters: ["importance": "batch-norm-scale"])(graph)
        let norms = try StructuredPruning()(graph).graph
        #expect(result.graph.initializers == norms.initializers)
        #expect(result.findings.contains { $0.subject == "conv1.weight" && $0.status == .fellBack && $0.reason.contains("l2") })
    }

    @Test func shares() {
        #expect(LAMPChannelImportance().scores(of: [1, 4, 3, 0]) == [1.0 / 8, 1, 3.0 / 7, 0])
    }

    /// Of members a and b each reduction makes what it says; jointly a norm is that of all numbers.
    @Test(arguments: ChannelRanking.Reduction.allCases) func membersReduce(_ reduction: ChannelRanking.Reduction) throws {
        let graph = try TestModels.residual()
        var ranking = ChannelRanking()
        ranking.reduce = reduction
        let candidate = try #require(ranked(graph, L2Importance(), ranking, PassContext()).first { $0.members.count > 1 })
        let each = candidate.members.map { member in member.numbers.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() } }
        for channel in candidate.scores.indices {
            let own = each.map { $0[channel] }
            let wanted: Double =
                switch reduction {
                case .joint: own.reduce(0) { $0 + $1 * $1 }.squareRoot()
                case .first: own[0]
                case .mean: own.reduce(0, +) / Double(own.count)
                case .max: own.max() ?? 0
                case .sum: own.reduce(0, +)
                case .product: own.reduce(1, *)
                }
            #expect(abs(Double(candidate.scores[channel]) - wanted) < 1e-5 * (1 + wanted))
        }
    }

    /// Jointly a distance is one between all numbers of two channels.
    @Test func jointMediansAreOfAllNumbers() throws {
        let graph = try TestModels.residual()
        let candidate = try #require(
            ranked(graph, GeometricMedianImportance(), ChannelRanking(), PassContext()).first { $0.members.count > 1 })
        let channels = candidate.scores.indices.map { channel in candidate.members.flatMap { $0.numbers[channel] } }
        for (own, score) in zip(channels, candidate.scores) {
            let wanted = channels.reduce(0.0) { $0 + zip($1, own).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() }
            #expect(abs(Double(score) - wanted) < 1e-5 * wanted)
        }
    }

    /// Jointly one gate closes all weights of a channel: its gradient is that of finite differences.
    @Test func jointGatesCloseAllWeights() throws {
        let graph = try TestModels.residual()
        let data = try TestModels.dataset(for: graph, count: 12)
        let labels = try #require(data.labels)
        func candidate(_ reduction: ChannelRanking.Reduction) throws -> RankedChannels {
            var ranking = ChannelRanking()
            ranking.reduce = reduction
            return try #require(
                ranked(graph, TaylorChannelImportance(), ranking, PassContext(calibration: data)).first { $0.members.count > 1 })
        }
        let (joint, sum) = try (candidate(.joint), candidate(.sum).scores)
        func losses(_ channel: Int, _ gate: Float) throws -> [Double] {
            var moved: [ValueName: Tensor] = [:]
            for member in joint.members {
                let numbers = zip(member.floats, member.channels).map { $1 == channel ? $0 * gate : $0 }
                moved[member.weight.tensor] = Tensor(numbers, shape: try #require(graph.initializers[member.weight.tensor]).shape)
            }
            return try zip(TestModels.predictions(of: graph.settingInitializers(moved), on: data.features[0].tensor), labels).map { scores, label in
                let largest = Double(scores.max() ?? 0)
                return log(scores.reduce(0) { $0 + exp(Double($1) - largest) }) + largest - Double(scores[label])
            }
        }
        for channel in joint.scores.indices {
            let gradients = try zip(losses(channel, 1.005), losses(channel, 0.995)).map { ($0 - $1) / 0.01 }
            let square = gradients.reduce(0) { $0 + $1 * $1 } / 12
            #expect(abs(Double(joint.scores[channel]) - square) < 0.06 * (square + 0.01), "\(channel): \(joint.scores[channel]) \(square)")
        }
        #expect(zip(joint.scores, sum).contains { abs($0 - $1) > 0.2 * $1 })
    }

    @Test func groupsAreNormalized() {
        var ranking = ChannelRanking()
        let expected: [(ChannelRanking.Normalization, [Float])] = [
            (.none, [1, 3, 8]), (.mean, [0.25, 0.75, 2]), (.max, [0.125, 0.375, 1]),
        ]
        for (normalization, scores) in expected {
            ranking.normalize = normalization
            #expect(ranking.normalized([1, 3, 8]) == scores)
        }
    }

    /// Two layers of one structure share a budget, whatever their extents; another keeps its own.
    @Test func isomorphicGroupsCompete() throws {
        let b = GraphBuilder("blocks")
        var random = RandomGenerator(seed: 4)
        func weight(_ name: String, _ shape: Shape, _ scale: Float) -> ValueName {
            b.constant(name, Tensor((0..<shape.elementCount).map { _ in scale * (1 + random.uniform()) }, shape: shape))
        }
        var x = try b.input("x", .float32, ["N", 3, 8, 8])
        for (name, from, to, scale) in [("a", 3, 8, 0.1), ("b", 8, 12, 1)] as [(String, Int, Int, Float)] {
            x = try b.conv(x, weight("\(name).weight", [to, from, 3, 3], scale), padding: 1, name: name)
            x = try b.add(Relu(), x, name: "\(name).relu")
        }
        x = try b.add(Flatten(), b.add(GlobalAveragePool(), x, name: "pool"), name: "flatten")
        x = try b.add(Relu(), b.linear(x, weight("small.weight", [12, 12], 0.1), name: "small"), name: "small.relu")
        x = try b.add(Relu(), b.linear(x, weight("c.weight", [10, 12], 1), name: "c"), name: "c.relu")
        x = try b.add(Tanh(), b.linear(x, weight("d.weight", [6, 10], 1), name: "d"), name: "d.tanh")
        let graph = try b.graph(outputs: [b.linear(x, weight("e.weight", [4, 6], 1), name: "e")])
        let coupling = CouplingGroups(graph)
        func structure(_ weight: String) throws -> String {
            coupling.structure(of: try #require(coupling.group(of: weight, axis: 0)))
        }
        #expect(try structure("c.weight") == structure("small.weight"))
        #expect(try structure("c.weight") != structure("d.weight") && structure("a.weight") != structure("b.weight"))
        let pass = try StructuredPruning(hyperparameters: ["scope": "isomorphic", "normalize": "none", "sparsity": 0.5])
        let pruned = try pass(graph).graph
        #expect(pruned.initializers["small.weight"]?.shape[0] == 1 && pruned.initializers["c.weight"]?.shape[0] == 10)
        #expect(pruned.initializers["d.weight"]?.shape[0] == 3)
    }
}

extension GraphEdit {
    fileprivate static func outputs(_ names: [ValueName]) -> GraphEdit {
        var edit = GraphEdit()
        edit.outputs = names
        return edit
    }
}
