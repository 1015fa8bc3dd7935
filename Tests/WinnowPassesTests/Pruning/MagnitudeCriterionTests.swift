import Testing
import WinnowTensor
@testable import WinnowPasses

struct MagnitudeCriterionTests {
    /// torch.nn.utils.prune rounds halves to even.
    @Test(arguments: [(0.5, 5, 2), (0.5, 7, 4), (0.5, 1, 0), (0.25, 2, 0), (0.25, 6, 2)])
    func counts(_ fraction: Double, _ size: Int, _ expected: Int) {
        #expect(MagnitudeCriterion.count(fraction, of: size) == expected)
    }

    @Test(arguments: [1, 2, 3, 7, 100, 999])
    func choosesTheSmallest(_ count: Int) {
        var random = RandomGenerator(seed: UInt64(count))
        let scores = (0..<1000).map { _ in random.uniform() }
        let kept = scores.indices.map { $0 % 5 != 0 }
        let chosen = MagnitudeCriterion.smallest(count, of: scores, kept: kept)
        let expected = scores.indices.filter { kept[$0] }.sorted { scores[$0] < scores[$1] }.prefix(count)
        #expect(Set(chosen) == Set(expected))
    }

    @Test func tiesGoByIndex() {
        #expect(MagnitudeCriterion.smallest(2, of: [1, 1, 1, 0], kept: [true, true, true, true]).sorted() == [0, 3])
    }

    @Test func moreThanThereAreIsAll() {
        #expect(MagnitudeCriterion.smallest(9, of: [1, 2], kept: [true, false]) == [0])
    }
}

struct SparsityRiseTests {
    @Test(arguments: [SparsityRise.geometric, .cubic, .linear])
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

    /// The lottery ticket's 20 % a round.
    @Test func geometricRemovesTheSamePart() {
        let values = (0...5).map { SparsityRise.geometric.sparsity(round: $0, of: 5, from: 0, to: 1 - 0.32768) }
        for (a, b) in zip(values, values.dropFirst()) { #expect(abs((1 - b) / (1 - a) - 0.8) < 1e-9) }
    }
}
