import WinnowTensor

/// The few values that stand for many (k-means in one dimension), and each value's index among them.
///
/// Lloyd's iteration on sorted values with sums up to every so many: an iteration costs O(levels · log count), in float64.
package struct Palette: Hashable, Sendable {
    /// Rising levels.
    package let levels: [Float]

    /// Where levels are before the first iteration.
    package enum Start: Hashable, Sendable {
        /// Spread evenly from the smallest to the largest value (Han et al., Deep Compression, 2016, section 3.2).
        case linear
        /// As many values from one to the next ("density-based" in the same section).
        case density
        /// Values drawn with probabilities as their squared distance to the nearest drawn before (k-means++; Arthur and
        /// Vassilvitskii, 2007).
        case plusPlus(seed: UInt64)
    }

    /// Levels for `values`. NaN is passed over, and where there is nothing else the only level is 0. Level `fixed`, if given, stays
    /// where it is. Where there are no more different values than levels, they are the levels.
    package init(of values: [Float], levelCount: Int, start: Start = .linear, iterationLimit: Int = 300, fixed: Float? = nil) {
        var sorted = values.filter { !$0.isNaN }
        sorted.withUnsafeMutableBufferPointer { Selection.sort($0) }
        self.init(sorted: sorted, masses: nil, levelCount, start, iterationLimit, fixed)
    }

    /// The same where each value counts as much as its weight, which is not below 0.
    package init(
        of values: [Float], weights: [Float], levelCount: Int, start: Start = .linear, iterationLimit: Int = 300, fixed: Float? = nil
    ) {
        let order = values.indices.filter { !values[$0].isNaN && weights[$0] > 0 }.sorted { (values[$0], $0) < (values[$1], $1) }
        self.init(sorted: order.map { values[$0] }, masses: order.map { weights[$0] }, levelCount, start, iterationLimit, fixed)
    }

    private init(
        sorted: [Float], masses: [Float]?, _ levelCount: Int, _ start: Start, _ iterationLimit: Int, _ fixed: Float?
    ) {
        guard !sorted.isEmpty, levelCount > 0 else { levels = [fixed ?? 0]; return }
        if let different = Self.different(sorted, fixed, limit: levelCount) { levels = different; return }
        let sums = RunningSums(masses.map { zip(sorted, $0).map { $0 * $1 } } ?? sorted)
        let counts = masses.map { RunningSums($0) }
        func mass(_ end: Int) -> Double { counts?.first(end) ?? Double(end) }
        var centers = start.levels(levelCount, sorted, mass)
        var pinned: Int?
        if let fixed {
            let nearest = centers.indices.min { abs(centers[$0] - Double(fixed)) < abs(centers[$1] - Double(fixed)) } ?? 0
            centers[nearest] = Double(fixed)
            pinned = nearest
        }
        var previous: [Int] = []
        for _ in 0..<iterationLimit {
            let edges = Self.edges(sorted, centers)
            if edges == previous { break }
            previous = edges
            for level in centers.indices where level != pinned && edges[level + 1] > edges[level] {
                let sum = sums.first(edges[level + 1]) - sums.first(edges[level])
                centers[level] = sum / (mass(edges[level + 1]) - mass(edges[level]))
            }
        }
        levels = centers.map { Float($0) }
    }

    /// The different numbers among sorted ones and `fixed`; nil if there are more than `limit`.
    private static func different(_ sorted: [Float], _ fixed: Float?, limit: Int) -> [Float]? {
        var result: [Float] = []
        for value in sorted where value != result.last {
            if result.count == limit { return nil }
            result.append(value)
        }
        guard let fixed, !result.contains(fixed) else { return result }
        return result.count < limit ? (result + [fixed]).sorted() : nil
    }

    /// For each level the first sorted value nearer to it than to the level before; ties go to the lower level.
    private static func edges(_ sorted: [Float], _ centers: [Double]) -> [Int] {
        var edges = [0]
        for level in centers.indices.dropLast() {
            let middle = (centers[level] + centers[level + 1]) / 2
            var (low, high) = (edges[level], sorted.count)
            while low < high {
                let probe = (low + high) / 2
                if Double(sorted[probe]) <= middle { low = probe + 1 } else { high = probe }
            }
            edges.append(low)
        }
        return edges + [sorted.count]
    }

    package init(levels: [Float]) { self.levels = levels.sorted() }

    /// The index of the nearest level, the lower of two equally near; 0 for NaN.
    package func index(nearest value: Float) -> Int {
        var (low, high) = (0, levels.count - 1)
        while low < high {
            let probe = (low + high) / 2
            let middle = (Double(levels[probe]) + Double(levels[probe + 1])) / 2
            if middle >= Double(value) || value.isNaN { high = probe } else { low = probe + 1 }
        }
        return low
    }

    /// Σ (value − nearest level)².
    package func squaredError(of values: some Sequence<Float>) -> Double {
        values.reduce(0) { total, value in
            let error = Double(value) - Double(levels[index(nearest: value)])
            return total + error * error
        }
    }
}

extension Palette.Start {
    /// Rising levels among sorted values; `mass` tells what the first so many weigh.
    fileprivate func levels(_ count: Int, _ sorted: [Float], _ mass: (Int) -> Double) -> [Double] {
        let (first, last) = (Double(sorted[0]), Double(sorted[sorted.count - 1]))
        if count == 1 { return [(first + last) / 2] }
        switch self {
        case .linear: return (0..<count).map { first + (last - first) * Double($0) / Double(count - 1) }
        case .density:
            var (levels, place) = ([Double](), 0)
            for level in 0..<count {
                let goal = mass(sorted.count) * (Double(level) + 0.5) / Double(count)
                while place < sorted.count - 1, mass(place + 1) < goal { place += 1 }
                levels.append(Double(sorted[place]))
            }
            return levels
        case .plusPlus(let seed): return Self.drawn(count, sorted, mass, seed: seed)
        }
    }

    private static func drawn(_ count: Int, _ sorted: [Float], _ mass: (Int) -> Double, seed: UInt64) -> [Double] {
        var random = RandomGenerator(seed: seed)
        let masses = sorted.indices.map { mass($0 + 1) - mass($0) }
        var distances = masses
        var levels: [Double] = []
        for _ in 0..<count {
            var rest = Double(random.next() >> 11) * 0x1p-53 * distances.reduce(0, +)
            let place = distances.firstIndex { rest -= $0; return rest < 0 } ?? sorted.count - 1
            let level = Double(sorted[place])
            for index in sorted.indices {
                let distance = (Double(sorted[index]) - level) * (Double(sorted[index]) - level) * masses[index]
                distances[index] = levels.isEmpty ? distance : min(distances[index], distance)
            }
            levels.append(level)
        }
        return levels.sorted()
    }
}

/// Sums of the first so many values, kept for every 1,024th and added up from there.
private struct RunningSums {
    private static let step = 1 << 10
    private let values: [Float]
    private var sums = [0.0]

    init(_ values: [Float]) {
        self.values = values
        sums.reserveCapacity(values.count / Self.step + 1)
        for end in stride(from: Self.step, through: values.count, by: Self.step) {
            sums.append(first(end - 1) + Double(values[end - 1]))
        }
    }

    func first(_ count: Int) -> Double {
        let kept = min(count / Self.step, sums.count - 1)
        return values[(kept * Self.step)..<count].reduce(sums[kept]) { $0 + Double($1) }
    }
}
