/// The few values that stand for many (k-means in one dimension), and each value's index among them.
///
/// Lloyd's iteration on sorted values with sums up to every so many: an iteration costs O(levels · log count), in float64.
package struct Palette: Hashable, Sendable {
    /// Rising levels.
    package let levels: [Float]

    /// Levels for `values`; the first guess is spread evenly from the smallest to the largest (Han et al., Deep Compression,
    /// 2016, §3.2). NaN is passed over, and where there is nothing else the only level is 0. Level `fixed`, if given, stays where
    /// it is. Where there are no more different values than levels, they are the levels.
    package init(of values: some Sequence<Float>, levelCount: Int, iterationLimit: Int = 300, fixed: Float? = nil) {
        var sorted = values.filter { !$0.isNaN }
        sorted.withUnsafeMutableBufferPointer { Selection.sort($0) }
        guard let first = sorted.first, let last = sorted.last, levelCount > 0 else { levels = [fixed ?? 0]; return }
        if let different = Self.different(sorted, fixed, limit: levelCount) { levels = different; return }
        let sums = RunningSums(sorted)
        var centers = (0..<levelCount).map {
            levelCount == 1 ? (Double(first) + Double(last)) / 2
                : Double(first) + (Double(last) - Double(first)) * Double($0) / Double(levelCount - 1)
        }
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
                let sum = sums.first(edges[level + 1], of: sorted) - sums.first(edges[level], of: sorted)
                centers[level] = sum / Double(edges[level + 1] - edges[level])
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

/// Sums of the first so many values, kept for every 1,024th and added up from there.
private struct RunningSums {
    private static let step = 1 << 10
    private var sums = [0.0]

    init(_ values: [Float]) {
        sums.reserveCapacity(values.count / Self.step + 1)
        for end in stride(from: Self.step, through: values.count, by: Self.step) {
            sums.append(first(end - 1, of: values) + Double(values[end - 1]))
        }
    }

    func first(_ count: Int, of values: [Float]) -> Double {
        let kept = min(count / Self.step, sums.count - 1)
        return values[(kept * Self.step)..<count].reduce(sums[kept]) { $0 + Double($1) }
    }
}
