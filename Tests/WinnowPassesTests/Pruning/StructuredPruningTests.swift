import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct CouplingGroupsTests {
    private func group(_ graph: Graph, _ value: String, _ axis: Int) throws -> CouplingGroups.Group {
        try #require(CouplingGroups(graph).group(of: value, axis: axis))
    }

    @Test func hiddenUnitsAreCoupledAcrossLayers() throws {
        let members = try group(TestModels.perceptron(), "fc1.weight", 0).members
        for (value, axis) in [("fc1.bias", 0), ("fc2.weight", 1), ("relu1", 1)] {
            #expect(members.contains(.init(value: value, axis: axis)), "\(value)")
        }
    }

    @Test func residualAdditionAndDepthwiseCouple() throws {
        let graph = try TestModels.residual()
        let stem = try group(graph, "stem.weight", 0)
        let members = stem.members
        for (value, axis) in [
            ("block.conv2.weight", 0), ("block.conv1.weight", 1), ("depthwise.weight", 0),
            ("stem.norm.variance", 0), ("block.conv2.norm.scale", 0),
        ] {
            #expect(members.contains(.init(value: value, axis: axis)), "\(value)")
        }
        #expect(!members.contains(.init(value: "block.conv1.weight", axis: 0)))
        #expect(try group(graph, "fc.weight", 1).id == stem.id, "through pooling and Flatten")
    }

    @Test func flattenRepeatsChannels() throws {
        let graph = try TestModels.convolutional()
        let groups = CouplingGroups(graph)
        let channels = try #require(groups.group(of: "conv2.weight", axis: 0))
        let places = try #require(groups.removedPlaces(of: "fc1.weight", axis: 1, removing: [channels.id: [1, 7]]))
        #expect(places.indices.filter { places[$0] } == Array(4..<8) + Array(28..<32))
    }

    @Test func inputsAndOutputsAreProtected() throws {
        let graph = try TestModels.perceptron()
        #expect(try group(graph, "fc1.weight", 1).protection?.contains("input") == true)
        #expect(try group(graph, "fc3.weight", 0).protection?.contains("output") == true)
        #expect(try group(graph, "fc2.weight", 0).protection == nil)
    }

    /// What the branches of an If read may lose no channel, however weak; what they do not read may.
    @Test func bodiesProtectWhatTheyRead() throws {
        let graph = try TestModels.conditional()
        let groups = CouplingGroups(graph)
        for (value, axis) in [("fc1.weight", 0), ("fc2.weight", 1), ("table", 0)] {
            #expect(groups.group(of: value, axis: axis)?.protection?.contains("branch (If)") == true, "\(value)")
        }
        #expect(try group(graph, "fc2.weight", 0).protection == nil)
        let pruned = try StructuredPruning(hyperparameters: ["sparsity": 0.5])(graph).graph
        #expect(pruned.initializers["fc1.weight"] == graph.initializers["fc1.weight"])
        #expect(pruned.initializers["fc2.weight"]?.shape == [4, 16])
        for condition in [true, false] {
            let inputs = ["x": TestModels.normal([3, 12]), "condition": Tensor([condition], shape: [])]
            #expect(try Session(pruned).run(inputs)["seen"] == Session(graph).run(inputs)["seen"])
        }
    }

    @Test func concatenationKeepsItsPartsApart() throws {
        let b = GraphBuilder("concat")
        let x = try b.input("x", .float32, ["N", 3])
        let ones = { (rows: Int, columns: Int) in Tensor(repeating: Float(1), shape: [rows, columns]) }
        let first = try b.linear(x, b.constant("a", ones(4, 3)))
        let second = try b.linear(x, b.constant("b", ones(5, 3)))
        let joined = try b.add(Concat(axis: 1), first, second)
        let graph = try b.graph(outputs: [b.linear(joined, b.constant("c", ones(2, 9)))])
        let groups = CouplingGroups(graph)
        let (a, other) = (try #require(groups.group(of: "a", axis: 0)), try #require(groups.group(of: "b", axis: 0)))
        #expect(a.id != other.id)
        let places = try #require(groups.removedPlaces(of: "c", axis: 1, removing: [a.id: [3], other.id: [0]]))
        #expect(places.indices.filter { places[$0] } == [3, 4])
    }
}

struct StructuredPruningTests {
    /// Removing channels is setting everything that belongs to them to zero.
    @Test(arguments: [0.25, 0.5, 0.75], ["l1", "l2"])
    func shrunkEqualsMasked(_ sparsity: Double, _ importance: String) throws {
        for graph in try TestModels.all {
            for scope in ["group", "global"] {
                var values: [String: HyperparameterValue] = [
                    "sparsity": .number(sparsity), "importance": .string(importance), "scope": .string(scope),
                ]
                let shrunk = try StructuredPruning(hyperparameters: values)(graph).graph
                values["remove"] = false
                let masked = try StructuredPruning(hyperparameters: values)(graph).graph
                #expect(shrunk.parameterCount < masked.parameterCount, "\(graph.name)")
                #expect(try TestModels.largestDifference(masked, shrunk) < 1e-5, "\(graph.name)")
            }
        }
    }

    @Test func removesTheWeakestChannels() throws {
        let graph = try TestModels.perceptron()
        let result = try StructuredPruning(hyperparameters: ["sparsity": 0.5, "importance": "l1", "only": ["fc1*"]])(
            graph
        ).graph
        let weight = try #require(graph.initializers["fc1.weight"])
        let rows = weight.floats()
        let norms = (0..<16).map { row in rows[(row * 12)..<(row * 12 + 12)].reduce(0) { $0 + abs($1) } }
        let kept = norms.indices.sorted { norms[$0] > norms[$1] }.prefix(8).sorted()
        #expect(result.initializers["fc1.weight"] == weight.rows(at: kept))
        #expect(result.initializers["fc2.weight"] == graph.initializers["fc2.weight"]?.selecting(kept, axis: 1))
        #expect(result.initializers["fc2.weight"]?.shape == [8, 8])
    }

    @Test(arguments: [(4, 1, 8), (3, 1, 9), (1, 12, 12), (16, 1, 16)])
    func widthsAreRoundedAndLimited(_ multiple: Int, _ minimum: Int, _ expected: Int) throws {
        let graph = try TestModels.perceptron()
        let result = try StructuredPruning(hyperparameters: [
            "sparsity": 0.5, "round-to": .int(multiple), "minimum-channels": .int(minimum), "only": ["fc1*"],
        ])(graph).graph
        #expect(result.initializers["fc1.weight"]?.shape[0] == expected)
    }

    /// No group loses more than the largest fraction; width 0 is that of the kernels here.
    @Test func groupsKeepAsMuchAsTheyMust() throws {
        let graph = try TestModels.perceptron()
        let limited = try StructuredPruning { ($0.sparsity, $0.scope, $0.largest) = (0.9, .global, 0.25) }(graph).graph
        #expect(limited.initializers["fc1.weight"]?.shape[0] == 12 && limited.initializers["fc2.weight"]?.shape[0] == 6)
        let rounded = try StructuredPruning { ($0.sparsity, $0.roundTo) = (0.9, 0) }(graph).graph
        #expect(rounded.initializers["fc1.weight"]?.shape[0] == min(16, KernelWidth.channels))
    }

    @Test func depthwiseGroupsFollow() throws {
        let graph = try StructuredPruning(hyperparameters: ["sparsity": 0.5])(TestModels.residual()).graph
        let node = try #require(graph.node(named: "depthwise"))
        #expect((node.op as? Conv)?.groups == 4 && graph.initializers["depthwise.weight"]?.shape == [4, 1, 3, 3])
    }

    @Test func exceptedAndProtectedWeightsSayWhy() throws {
        let graph = try TestModels.perceptron()
        let result = try StructuredPruning(hyperparameters: ["sparsity": 0.5, "except": ["fc2"]])(graph)
        #expect(result.graph.initializers["fc2.weight"]?.shape == [8, 8])
        let finding = result.findings.first { $0.subject == "fc3.weight" }
        #expect(result.findings.contains { $0.subject == "fc2.weight" && $0.reason.contains("fc2") })
        #expect(finding?.status == .kept && finding?.reason.contains("output") == true)
    }
}
