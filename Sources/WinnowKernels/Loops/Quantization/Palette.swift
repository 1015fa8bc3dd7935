/// The few values that stand for many (k-means in one dimension), and each value's index among them.
///
/// Lloyd's iteration on sorted values with prefix sums: an iteration costs O(levels · log count) and is exact in float64.
package struct Palette: Hashable, Sendable {
    /// Rising levels.
    package let levels: [Float]

    /// Levels for `values`; the first guess is spread evenly from the smallest to the largest (Han et al., Deep Compression,
    /// 2016, §3.2). NaN is passed over. Level `fixed`, if given, stays where it is.
    package init(of values: some Sequence<Float>, levelCount: Int, iterationLimit: Int = 300, fixed: Float? = nil) {
        let numbers = values.filter { !$0.isNaN }
        let sorted = numbers.withUnsafeBufferPointer { Selection.sorted($0) }
        guard let first = sorted.first, let last = sorted.last, levelCount > 0 else { levels = fixed.map { [$0] } ?? []; return }
        var sums = [0.0]
        sums.reserveCapacity(sorted.count + 1)
        var sum = 0.0
        for value in sorted {
            sum += Double(value)
            sums.append(sum)
        }
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
                centers[level] = (sums[edges[level + 1]] - sums[edges[level]]) / Double(edges[level + 1] - edges[level])
            }
        }
        levels = centers.map { Float($0) }
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
            if (Double(levels[probe]) + Double(levels[probe + 1])) / 2 >= Double(value) || value.isNaN { high = probe } else { low = probe + 1 }
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
