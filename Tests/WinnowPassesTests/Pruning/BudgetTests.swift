import Testing
import WinnowKernels
import WinnowTensor
@testable import WinnowPasses

struct BudgetTests {
    /// torch.nn.utils.prune rounds halves to even.
    @Test(arguments: [(0.5, 5, 2), (0.5, 7, 4), (0.5, 1, 0), (0.25, 2, 0), (0.25, 6, 2)])
    func counts(_ fraction: Double, _ size: Int, _ expected: Int) {
        #expect(Budget.count(fraction, of: size) == expected)
    }

    private func removed(_ budget: Budget, _ scores: [Float]) -> [Int] {
        var cut = budget.cut(of: [scores])
        return scores.indices.filter { scores[$0] >= 0 && cut.removes(scores[$0]) }
    }

    @Test(arguments: [1, 2, 3, 7, 100, 799])
    func theLowestOfWhatIsLeftGo(_ count: Int) {
        var random = RandomGenerator(seed: UInt64(count))
        let scores = (0..<1000).map { $0 % 5 == 0 ? Float(-1) : random.uniform() }
        let left = scores.indices.filter { scores[$0] >= 0 }
        let expected = Set(left.sorted { scores[$0] < scores[$1] }.prefix(count))
        #expect(Set(removed(.fraction(Double(count) / Double(left.count)), scores)) == expected)
        #expect(removed(.total(Double(count + 200) / 1000), scores).count == count)
    }

    @Test func countsAreOfWhatIsLeft() {
        #expect(removed(.count(2), [3, -1, 1, 2]) == [2, 3] && removed(.count(0), [1]).isEmpty)
        #expect(removed(.count(9), [3, -1, 1, 2]) == [0, 2, 3])
    }

    /// Han et al. 2015: |w| ≤ quality·σ of the weights that are left.
    @Test func deviationsAreOfTheWeightsInUse() throws {
        let values: [Float] = [1, -2, 3, -4, 100, 0]
        let weight = try #require(MaskedWeight("w", Tensor(values), mask: Tensor([1, 1, 1, 1, 0, 0] as [Float])))
        // Of 1, −2, 3, −4 the mean is −0.5 and the variance 7.25.
        let resolved = Budget.deviations(0.75).resolved(for: [weight])
        guard case .threshold(let limit) = resolved else { Issue.record("\(resolved)"); return }
        #expect(abs(limit - 0.75 * 7.25.squareRoot()) < 1e-12)
        var cut = resolved.cut(of: [ScoredWeight(weight)])
        #expect(ScoredWeight(weight).mask(below: &cut).floats() == [0, 0, 1, 1, 0, 0])
    }

    /// PaddleSlim's `ratio`: what is not below the round(r·n)-th smallest magnitude stays: of 1,000 at 0.55 549 go.
    @Test func theThresholdItselfStaysInPaddleSlim() {
        var random = RandomGenerator(seed: 5)
        let scores = (0..<1000).map { _ in random.uniform() }
        let threshold = scores.sorted()[549]
        #expect(removed(.below(0.55), scores) == scores.indices.filter { scores[$0] < threshold })
        #expect(removed(.below(0.55), scores).count == 549)
        #expect(removed(.below(0.5), [1, 1, 1, 0]) == [3] && removed(.below(0), [1, 2]).isEmpty)
        #expect(removed(.below(1), [1, 2, -1, 3]) == [0, 1] && removed(.below(0.5), []).isEmpty)
    }

    @Test func tiesGoByIndex() {
        #expect(removed(.fraction(0.5), [1, 1, 1, 0]) == [0, 3])
        #expect(([1, 1, 1, 0] as [Float]).lowest(2) == [0, 3])
    }

    @Test(arguments: [0, 1, 7, 500, 999, 1000]) func lowestFollowAStableSort(count: Int) {
        var random = RandomGenerator(seed: 2)
        let scores = (0..<1000).map { _ in (random.normal() * 8).rounded() / 8 }
        let sorted = scores.indices.sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] < scores[$1] }
        #expect(scores.lowest(count) == sorted.prefix(count).sorted())
        #expect(([.nan, 1, .infinity, -1] as [Float]).lowest(3) == [1, 2, 3])
    }

    @Test func extremes() {
        #expect(removed(.fraction(1), [1, 2, -1]) == [0, 1] && removed(.fraction(0), [1, 2]).isEmpty)
        #expect(removed(.total(0.3), [1, -1, -1]).isEmpty && removed(.fraction(0.5), []).isEmpty)
        #expect(([1, 2] as [Float]).lowest(9) == [0, 1] && ([1, 2] as [Float]).lowest(0).isEmpty)
    }

    @Test func limitsAreInclusive() {
        #expect(removed(.threshold(2), [1, 2, 3]) == [0, 1])
        #expect(removed(.percentile(50, .linear), [4, 1, 2, 3, 5]) == [1, 2, 3])
    }

    /// Parts are brought to one share of their sizes; one that has lost more keeps the rest.
    @Test func countsAreShared() {
        #expect(SharedCount.shares(of: 10, among: [8, 8, 4], gone: [0, 0, 0]) == [4, 4, 2])
        #expect(SharedCount.shares(of: 5, among: [8, 8], gone: [7, 0]) == [0, 5])
        #expect(SharedCount.shares(of: 8, among: [8, 8, 8], gone: [8, 2, 0]) == [0, 3, 5])
        #expect(SharedCount.shares(of: 99, among: [3, 4], gone: [1, 0]) == [2, 4] && SharedCount.shares(of: 0, among: [3], gone: [1]) == [0])
        var random = RandomGenerator(seed: 3)
        for _ in 0..<200 {
            let sizes = (0..<5).map { _ in Int(random.uniform() * 20) }
            let gone = sizes.map { Int(random.uniform() * Float($0)) }
            let left = zip(sizes, gone).map { $0 - $1 }
            let count = Int(random.uniform() * 99)
            let shares = SharedCount.shares(of: count, among: sizes, gone: gone)
            #expect(shares.reduce(0, +) == min(count, left.reduce(0, +)))
            #expect(zip(shares, left).allSatisfy { (0...$1).contains($0) })
        }
    }

    /// Norms of channels, and scores of one's own, have a deviation of their own.
    @Test func deviationsOfOtherScoresAreTheirs() throws {
        let weights = Tensor([3, 4, 0, 1, 6, 8, 0, 2] as [Float], shape: [4, 2])
        // Norms 5, 1, 10, 2: the mean is 4.5 and the variance 12.25.
        let mask = try PruningMethod.lnStructured(.deviations(1), norm: 2, axis: 0).mask(for: weights)
        #expect(mask.floats() == [1, 1, 0, 0, 1, 1, 0, 0])
        let scores = Tensor([10, 20, 30, 40, 50, 60, 70, 80] as [Float], shape: [4, 2])
        let own = try PruningMethod.l1Unstructured(.deviations(1)).mask(for: weights, importance: scores)
        // Their variance is 525, σ 22.9.
        #expect(own.floats() == [0, 0, 1, 1, 1, 1, 1, 1])
    }
}
