import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct CostBudgetTests {
    private let order = ChannelOrder([(1...16).map(Double.init)])

    private func cut(_ cost: ModelCost, to share: Double, _ measured: (Int) -> Double) throws -> (length: Int, share: Double?, isMet: Bool) {
        try CostBudget(cost: cost, share: share).length(in: order) { measured($0) }
    }

    @Test func theLeastLengthThatMeetsItIsTaken() throws {
        for cost in [ModelCost.macs, .latency] {
            let found = try cut(cost, to: 0.5) { 1 - Double($0) / 16 }
            #expect(found.length == 8 && found.isMet)
        }
        #expect(try cut(.latency, to: 1) { _ in 2 }.length == 0)
    }

    /// Factors of rank 1 everywhere take less arithmetic and more time.
    @Test func ofLatenciesTheShortestIsKept() throws {
        let slower = try cut(.latency, to: 0.7) { 1 + Double($0) / 100 }
        #expect(slower.length == 0 && slower.share == 1 && !slower.isMet)
        let valley = try cut(.latency, to: 0.7) { 0.8 + abs(Double($0) - 8) / 100 }
        #expect(valley.length == 8 && valley.share == 0.8 && !valley.isMet)
        let level = try cut(.latency, to: 0.7) { $0 == 0 ? 1 : 0.9 - Double($0) / 10000 }
        #expect(level.length == 1, "of those that are as fast the one that loses least")
        let early = try cut(.latency, to: 0.7) { $0 == 4 ? 0.6 : 1.2 }
        #expect(early.length == 4 && early.isMet, "it lies before what a bisection looks at")
        #expect(try cut(.macs, to: 0.1) { 1 - Double($0) / 100 }.length == 16, "other costs fall all the way")
    }

    @Test func factorsThatAreNoFasterAreNotMade() throws {
        let graph = try TestModels.convolutional()
        let result = try SVDFactorization(hyperparameters: ["size": 0.001, "budget": "latency"])(graph)
        let finding = try #require(result.findings.first { $0.subject == "graph" })
        let (before, after) = try (#require(finding.before), #require(finding.after))
        #expect(finding.status == .fellBack && after <= before)
        #expect(finding.reason.contains("fastest") || finding.reason.contains("faster"))
        #expect(after < before || result.graph.parameterCount == graph.parameterCount)
    }
}
