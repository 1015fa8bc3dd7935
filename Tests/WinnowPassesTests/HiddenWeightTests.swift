import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Constants that data is multiplied with once control flow has chosen or computed what of them: passes that leave them say so, and not that they are
/// no weights.
struct HiddenWeightTests {
    private static let counters = [GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, []))]

    /// x · w, the weight one of two that branches give: one of the graph's, one of a branch's own.
    private static func chosen() throws -> Graph {
        let b = GraphBuilder("chosen")
        let (x, condition) = (try b.input("x", .float32, ["N", 6]), try b.input("condition", .bool, []))
        let outer = b.constant("outer", TestModels.normal([6, 8]))
        let reading = try Graph(
            name: "reading", inputs: [], outputs: ["same"], nodes: [Node(name: "same", op: Identity(), inputs: [outer], outputs: ["same"])],
            captures: [outer: ValueType(.float32, [6, 8])])
        let own = try Graph(name: "own", inputs: [], outputs: ["inner"], nodes: [], initializers: [("inner", TestModels.normal([6, 8], seed: 2))])
        return try b.graph(outputs: [b.add(MatMul(), x, b.add(If(then: reading, else: own), condition, name: "choice"), name: "product")])
    }

    /// Rounds of x ← x · w, each with another matrix: looked up by the round, or halved after each.
    private static func loop(isLookedUp: Bool) throws -> Graph {
        let b = GraphBuilder("loop")
        let x = try b.input("x", .float32, ["N", 6])
        let weights = b.constant("weights", TestModels.normal(isLookedUp ? [3, 6, 6] : [6, 6]))
        let go = Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"])
        let state = GraphInput("state", ValueType(.float32, ["N", 6]))
        let body =
            isLookedUp
            ? try Graph(
                name: "body", inputs: counters + [state], outputs: ["go.on", "next"],
                nodes: [
                    go, Node(name: "lookup", op: Gather(axis: 0), inputs: [weights, "round"], outputs: ["w"]),
                    Node(name: "product", op: MatMul(), inputs: ["state", "w"], outputs: ["next"]),
                ], captures: [weights: ValueType(.float32, [3, 6, 6])])
            : try Graph(
                name: "body", inputs: counters + [state, GraphInput("w", ValueType(.float32, [6, 6]))], outputs: ["go.on", "next", "w.next"],
                nodes: [
                    go, Node(name: "product", op: MatMul(), inputs: ["state", "w"], outputs: ["next"]),
                    Node(name: "halve", op: Mul(), inputs: ["w", "half"], outputs: ["w.next"]),
                ], initializers: [("half", Tensor(scalar: Float(0.5)))])
        let inputs: [ValueName?] = [b.constant("rounds", Tensor(scalar: Int64(3))), nil, x] + (isLookedUp ? [] : [weights])
        let last = try b.add(Loop(body), inputs: inputs, outputs: isLookedUp ? 1 : 2, name: "loop")[0]
        return try b.graph(outputs: [b.add(Identity(), last, name: "y")])
    }

    private static let makers: [(make: @Sendable () throws -> Graph, subjects: [String], reason: String)] = [
        ({ try chosen() }, ["outer", "choice/inner"], "the weight of product is chosen by choice"),
        ({ try loop(isLookedUp: true) }, ["weights"], "its rows are looked up first, and then data is multiplied with them"),
        ({ try loop(isLookedUp: false) }, ["weights"], "the weight of loop/product is computed by loop"),
    ]

    @Test(arguments: makers.indices) func theyAreSkippedForWhatIsTrue(index: Int) throws {
        let (make, subjects, reason) = Self.makers[index]
        let graph = try make()
        for pass in [WeightOnlyQuantization(), Palettization(), SVDFactorization()] as [any Pass] {
            let findings = try pass(graph).findings
            for subject in subjects {
                let own = findings.filter { $0.subject == subject }
                #expect(own.map(\.reason) == [reason] && own.allSatisfy { $0.status == .skipped }, "\(type(of: pass).name): \(findings)")
            }
        }
    }

    /// Passes that leave bodies alone know it too, where they do not say that.
    @Test func masksSayIt() throws {
        let findings = try MagnitudePruning()(Self.loop(isLookedUp: false)).findings
        #expect(findings.contains { $0.subject == "weights" && $0.status == .skipped && $0.reason.contains("computed by loop") })
    }

    @Test func whatIsNotMeantToChangeIsKept() throws {
        let findings = try WeightOnlyQuantization { $0.choice.except = ["weights"] }(Self.loop(isLookedUp: true)).findings
        #expect(findings.contains { $0.subject == "weights" && $0.status == .kept && $0.reason == "excepted by weights" })
    }

    /// A matrix that a state begins with is no weight where data goes into the state, though data is multiplied with that.
    @Test func statesOfDataAreNoWeights() throws {
        let b = GraphBuilder("sums")
        let x = try b.input("x", .float32, [6, 6])
        let body = try Graph(
            name: "body", inputs: Self.counters + [GraphInput("sum", ValueType(.float32, [6, 6]))], outputs: ["go", "next"],
            nodes: [
                Node(name: "product", op: MatMul(), inputs: [x, "sum"], outputs: ["turned"]),
                Node(name: "add", op: Add(), inputs: ["turned", x], outputs: ["next"]),
            ], captures: [x: ValueType(.float32, [6, 6])])
        let start = b.constant("start", TestModels.normal([6, 6]))
        let sum = try b.add(Loop(body), inputs: [b.constant("rounds", Tensor(scalar: Int64(3))), nil, start], name: "loop")[0]
        let findings = try WeightOnlyQuantization()(b.graph(outputs: [sum])).findings
        #expect(findings.contains { $0.subject == "start" && $0.status == .kept })
    }
}
