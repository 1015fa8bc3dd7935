import Testing
import WinnowKernels
import WinnowTensor

@Suite struct PaletteTests {
    /// Lloyd's iteration as in the textbook, from the same first guess.
    static func textbook(_ values: [Float], _ count: Int) -> [Float] {
        let (low, high) = (Double(values.min()!), Double(values.max()!))
        var centers = (0..<count).map { low + (high - low) * Double($0) / Double(count - 1) }
        for _ in 0..<500 {
            var (sums, counts) = ([Double](repeating: 0, count: count), [Int](repeating: 0, count: count))
            for value in values {
                let nearest = centers.indices.min { abs(Double(value) - centers[$0]) < abs(Double(value) - centers[$1]) }!
                sums[nearest] += Double(value)
                counts[nearest] += 1
            }
            for i in centers.indices where counts[i] > 0 { centers[i] = sums[i] / Double(counts[i]) }
        }
        return centers.map { Float($0) }
    }

    @Test(arguments: [2, 3, 8, 16]) func matchesTextbook(count: Int) {
        var data = RandomGenerator(seed: 11)
        let values = (0..<400).map { _ in data.normal() }
        let palette = Palette(of: values, levelCount: count)
        for (a, e) in zip(palette.levels, Self.textbook(values, count)) { #expect(abs(a - e) < 1e-5) }
        for value in values {
            let best = palette.levels.map { abs($0 - value) }.min()!
            #expect(abs(abs(palette.levels[palette.index(nearest: value)] - value) - best) < 1e-6)
        }
    }

    @Test func moreLevelsNeverHurt() {
        var data = RandomGenerator(seed: 12)
        let values = (0..<2000).map { _ in data.normal() }
        var previous = Double.infinity
        for count in [1, 2, 4, 8, 16, 32, 64] {
            let error = Palette(of: values, levelCount: count).squaredError(of: values)
            #expect(error < previous)
            previous = error
        }
    }

    @Test func aFixedLevelStays() {
        var data = RandomGenerator(seed: 13)
        let values = (0..<500).map { _ in data.normal() + 0.3 }
        let palette = Palette(of: values, levelCount: 8, fixed: 0)
        #expect(palette.levels.contains(0))
        #expect(palette.levels == palette.levels.sorted())
    }

    @Test func fewValues() {
        #expect(Palette(of: [Float](), levelCount: 4).levels == [0])
        #expect(Palette(of: [Float.nan, .nan], levelCount: 4).levels == [0])
        let constant = Palette(of: [2, 2, 2], levelCount: 4)
        #expect(constant.levels[constant.index(nearest: 2)] == 2)
        #expect(Palette(of: [1, 2], levelCount: 1).levels == [1.5])
    }

    /// Whatever it starts from, k-means ends where no level is nearer to others' values, and different starts end at errors alike.
    @Test(arguments: [Palette.Start.linear, .density, .plusPlus(seed: 1), .plusPlus(seed: 2)])
    func everyStartEndsInMeans(start: Palette.Start) {
        var data = RandomGenerator(seed: 14)
        let values = (0..<3000).map { _ in data.normal() }
        let palette = Palette(of: values, levelCount: 8, start: start)
        for (index, level) in palette.levels.enumerated() {
            let own = values.filter { palette.index(nearest: $0) == index }
            #expect(abs(own.reduce(0, +) / Float(own.count) - level) < 1e-4)
        }
        #expect(palette.squaredError(of: values) < 1.1 * Palette(of: values, levelCount: 8).squaredError(of: values))
        #expect(palette == Palette(of: values, levelCount: 8, start: start))
    }

    /// A weight of n counts as n equal values; one of 0 as none.
    @Test(arguments: [Palette.Start.linear, .density]) func weightsCountAsRepetitions(start: Palette.Start) {
        var data = RandomGenerator(seed: 15)
        let values = (0..<400).map { _ in data.normal() }
        let weights = values.indices.map { Float($0 % 4) }
        let repeated = zip(values, weights).flatMap { [Float](repeating: $0, count: Int($1)) }
        let palettes = (Palette(of: values, weights: weights, levelCount: 6, start: start), Palette(of: repeated, levelCount: 6, start: start))
        for (a, b) in zip(palettes.0.levels, palettes.1.levels) { #expect(abs(a - b) < 1e-5) }
    }
}
