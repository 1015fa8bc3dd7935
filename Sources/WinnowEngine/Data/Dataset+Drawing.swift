import WinnowTensor

extension Dataset {
    /// At most `count` samples, drawn at random and spread: every class has its share and at least one sample, and within a
    /// class the samples come from all over the data. The same seed draws the same samples.
    public func drawn(_ count: Int, seed: UInt64 = 0) -> Dataset {
        count < self.count ? selecting(drawnIndices(count, seed: seed)) : self
    }

    /// The places of the samples that `drawn` draws, rising.
    package func drawnIndices(_ count: Int, seed: UInt64 = 0) -> [Int] {
        guard count < self.count else { return Array(0..<self.count) }
        var random = RandomGenerator(seed: seed, stream: 0x2000)
        let classes = samplesByClass
        let quotas = Self.shares(of: max(0, count), among: classes.map(\.count))
        var chosen = zip(classes, quotas).flatMap { samples, quota in
            // One from each of equal runs.
            (0..<quota).map { run in
                let (start, end) = (run * samples.count / quota, (run + 1) * samples.count / quota)
                return samples[start + Int(random.next() % UInt64(end - start))]
            }
        }
        chosen.sort()
        return chosen
    }

    /// The samples of each class in order; all together where there are no labels.
    private var samplesByClass: [[Int]] {
        guard let labels else { return [Array(0..<count)] }
        return Dictionary(grouping: 0..<count) { labels[$0] }.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Whole numbers that sum to `total`, in proportion to `sizes`; at least 1 each where that is possible.
    private static func shares(of total: Int, among sizes: [Int]) -> [Int] {
        let all = sizes.reduce(0, +)
        let least = total >= sizes.count ? 1 : 0
        var shares = sizes.map { max(least, total * $0 / all) }
        var excess = shares.reduce(0, +) - total
        // Those that are furthest above or below their part give or take first.
        let order = sizes.indices.sorted { shares[$0] * all - total * sizes[$0] > shares[$1] * all - total * sizes[$1] }
        while excess > 0 {
            for index in order where excess > 0 && shares[index] > least {
                shares[index] -= 1
                excess -= 1
            }
        }
        while excess < 0 {
            for index in order.reversed() where excess < 0 && shares[index] < sizes[index] {
                shares[index] += 1
                excess += 1
            }
        }
        return shares
    }
}
