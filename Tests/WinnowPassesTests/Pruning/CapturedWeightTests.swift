import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Weights that bodies read of the graph around them are weights whatever lies between: masks, codes, palettes, another order of axes.
struct CapturedWeightTests {
    private static let makers: [@Sendable () throws -> Graph] = [
        { try PrunedBodiesTests.branches(shared: true) }, { try PrunedBodiesTests.loop() }, { try turned() },
        { try handedOn().capturingUnchangedStates() },
    ]

    /// A matrix that the layer outside and a branch read, the branch with its axes exchanged twice: once on either side of its edge.
    private static func turned() throws -> Graph {
        let b = GraphBuilder("turned")
        let (x, condition) = (try b.input("x", .float32, ["N", 6]), try b.input("condition", .bool, []))
        let w = b.constant("a", TestModels.normal([6, 8]))
        let columns = try b.add(Transpose([1, 0]), w, name: "columns")
        let captures = [x: ValueType(.float32, ["N", 6]), columns: ValueType(.float32, [8, 6])]
        let branch = try Graph(
            name: "branch", inputs: [], outputs: ["y"],
            nodes: [
                Node(name: "rows", op: Transpose([1, 0]), inputs: [columns], outputs: ["rows"]),
                Node(name: "inner", op: MatMul(), inputs: [x, "rows"], outputs: ["y"]),
            ], captures: captures)
        let chosen = try b.add(If(then: branch, else: branch), condition, name: "choice")
        return try b.graph(outputs: [chosen, b.add(MatMul(), x, w, name: "outside")])
    }

    /// Three rounds of x ← MLP(x), the matrices states that go on as they are, as TensorFlow's exporter writes them.
    private static func handedOn() throws -> Graph {
        let b = GraphBuilder("handed")
        let x = try b.input("x", .float32, ["N", 6])
        let types = [ValueType(.float32, ["N", 6]), ValueType(.float32, [6, 8]), ValueType(.float32, [8, 6])]
        let body = try Graph(
            name: "body",
            inputs: [GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, []))]
                + zip(["state", "first", "second"], types).map { GraphInput($0, $1) },
            outputs: ["go.on", "next", "first", "second.on"],
            nodes: [
                Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"]),
                Node(name: "up", op: MatMul(), inputs: ["state", "first"], outputs: ["hidden"]),
                Node(name: "relu", op: Relu(), inputs: ["hidden"], outputs: ["relu"]),
                Node(name: "down", op: MatMul(), inputs: ["relu", "second"], outputs: ["next"]),
                Node(name: "hand", op: Identity(), inputs: ["second"], outputs: ["second.on"]),
            ])
        let weights: [ValueName?] = [b.constant("a", TestModels.normal([6, 8])), b.constant("b", TestModels.normal([8, 6], seed: 2))]
        let state = try b.add(Loop(body), inputs: [b.constant("rounds", Tensor(scalar: Int64(3))), nil, x] + weights, name: "loop")[0]
        return try b.graph(outputs: [b.add(Identity(), state, name: "y")])
    }

    private func sparsity(_ graph: Graph) -> Double {
        let (zeros, all) = graph.weightSparsity
        return Double(zeros) / Double(all)
    }

    private let masking = MagnitudePruning { $0.rule.keepMask = true }

    @Test(arguments: makers.indices) func masksAreSeenThrough(index: Int) throws {
        let graph = try Self.makers[index]()
        let once = try masking(graph).graph
        #expect(once.parameterCount == graph.parameterCount && sparsity(once) == 0.5)
        let twice = try masking(once)
        #expect(twice.graph.parameterCount == graph.parameterCount && sparsity(twice.graph) == 0.75)
        #expect(twice.findings.contains { $0.subject == "a" && $0.before == 0.5 && $0.after == 0.75 })
        #expect(twice.graph.maskNodes.count == once.maskNodes.count)
    }

    /// Files need not say what type a mask's product has: bodies know it from the graph around.
    @Test(arguments: makers.indices) func masksAreSeenThroughInFilesOfFewTypes(index: Int) throws {
        let once = try masking(Self.makers[index]()).graph
        let read = try ONNXFile.read(bytes: ONNXFile.bytes(once), registry: OperatorCatalogue.registry)
        #expect(read.capturedWeightSites.map(\.tensor) == once.capturedWeightSites.map(\.tensor))
        let (twice, again) = try (masking(once), masking(read))
        #expect(again.graph.parameterCount == twice.graph.parameterCount && sparsity(again.graph) == sparsity(twice.graph))
        #expect(again.findings.map(\.description) == twice.findings.map(\.description))
    }

    @Test(arguments: makers.indices) func maskedWeightsBecomeCodes(index: Int) throws {
        let once = try masking(Self.makers[index]()).graph
        let passes: [any Pass] = [WeightOnlyQuantization(), Palettization { $0.bits = 2 }, FixedPointQuantization()]
        for pass in passes {
            let coded = try pass(once)
            #expect(coded.findings.contains { $0.subject == "a" && $0.status == .done }, "\(type(of: pass).name): \(coded.findings)")
            #expect(coded.graph.parameterCount == once.parameterCount, "\(type(of: pass).name)")
        }
    }

    /// The same numbers are learned and the same are zero as where a layer of the graph itself reads them.
    @Test(arguments: makers.indices) func codesCountAsWhatTheyStandFor(index: Int) throws {
        let pruned = try MagnitudePruning()(Self.makers[index]()).graph
        let passes: [any Pass] = [
            Palettization { $0.bits = 3 }, Palettization { ($0.bits, $0.vectorSize) = (2, 2) },
            WeightOnlyQuantization { $0.scheme = "palette-3" }, WeightOnlyQuantization { $0.scheme = "int8" },
        ]
        for (place, pass) in passes.enumerated() {
            let coded = try pass(pruned)
            #expect(coded.graph.parameterCount == pruned.parameterCount, "\(place)")
            #expect(coded.graph.weightSparsity.elementCount == pruned.parameterCount, "\(place)")
            // Words of several numbers are zero together only.
            if place != 1 { #expect(coded.graph.weightSparsity.zeroCount >= pruned.weightSparsity.zeroCount, "\(place)") }
            let again = try pass(coded.graph)
            #expect(again.findings.contains { $0.subject.hasSuffix(".codes") && $0.reason.contains("codes") }, "\(place): \(again.findings)")
        }
    }

    /// Axes are those of the stored weight, whatever is turned before and in a body.
    @Test func axesAreFollowedIntoBodies() throws {
        let site = try #require(try Self.turned().capturedWeightSites.first)
        #expect(site.tensor == "a" && site.outputAxis == 1 && site.summedAxis == 0 && site.order == [0, 1] && site.holder == "choice")
    }
}
