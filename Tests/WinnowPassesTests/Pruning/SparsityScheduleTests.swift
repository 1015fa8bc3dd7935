import Testing
@testable import WinnowPasses

struct SparsityRiseTests {
    @Test(arguments: SparsityRise.allCases)
    func risesFromStartToTarget(_ rise: SparsityRise) {
        let values = (0...10).map { rise.sparsity(round: $0, of: 10, from: 0.2, to: 0.9) }
        #expect(abs(values[0] - 0.2) < 1e-12 && abs(values[10] - 0.9) < 1e-12)
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
    }

    /// PaddleSlim's GMP: ((i/S − 1)³ + 1)·(target − initial) + initial.
    @Test func cubicIsGMP() {
        for step in 0..<10 {
            let part = Double(step) / 10 - 1
            let expected = (part * part * part + 1) * 0.7 + 0.2
            #expect(abs(SparsityRise.cubic.sparsity(round: step, of: 10, from: 0.2, to: 0.9) - expected) < 1e-12)
        }
    }

    /// Of what is left to the target at each round the same part goes, but for what makes the last one meet it.
    @Test func exponentialClosesTheGap() {
        let values = (0...10).map { SparsityRise.exponential.sparsity(round: $0, of: 10, from: 0.2, to: 0.9) }
        let steps = zip(values, values.dropFirst()).map { $1 - $0 }
        for (a, b) in zip(steps, steps.dropFirst()) { #expect(abs(b / a - 0.606_530_659_712_633) < 1e-9) }
    }

    /// The lottery ticket's 20 % a round.
    @Test func geometricRemovesTheSamePart() {
        let values = (0...5).map { SparsityRise.geometric.sparsity(round: $0, of: 5, from: 0, to: 1 - 0.32768) }
        for (a, b) in zip(values, values.dropFirst()) { #expect(abs((1 - b) / (1 - a) - 0.8) < 1e-9) }
    }
}
