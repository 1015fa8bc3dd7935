import WinnowTensor

/// The few vectors ("words") that stand for many (k-means), and each vector's index among them.
///
/// Zeros stay: a vector has only words that are zero wherever it is. A word keeps the zeros of the vector that it starts from, and where
/// there are zeros the first word is all of them, so that every vector has one.
package struct VectorPalette: Hashable, Sendable {
    /// The numbers of a word.
    package let width: Int
    /// One after the other.
    package private(set) var words: [Float] = []
    /// The word of each vector.
    package private(set) var codes: [UInt8] = []

    package var count: Int { words.count / width }

    /// Words for vectors of `width` numbers, at most 64, that lie one after the other, none of them NaN.
    ///
    /// Words start as vectors drawn with probabilities as their squared distance to the nearest drawn before (k-means++; Arthur and
    /// Vassilvitskii, 2007), so where there are no more different vectors than words, they are the words.
    ///
    /// - Parameters:
    ///   - weights: what the squared distance of each number counts, not below 0; nil: 1.
    ///   - levelCount: of words, at most 256.
    package init(of values: [Float], weights: [Float]? = nil, width: Int, levelCount: Int, seed: UInt64 = 0, iterationLimit: Int = 30) {
        self.width = width
        let data = VectorData(values: values, weights: weights ?? [Float](repeating: 1, count: values.count), width: width)
        codes = [UInt8](repeating: 0, count: data.count)
        guard data.count > 0, levelCount > 0 else { return }
        words = data.drawn(min(levelCount, 256), seed: seed)
        for _ in 0..<iterationLimit {
            let nearest = data.nearest(words)
            let isDone = nearest == codes
            codes = nearest
            if isDone { break }
            words = data.means(of: codes, words)
        }
        codes = data.nearest(words)
    }
}

private struct VectorData {
    let values: [Float]
    let weights: [Float]
    let width: Int
    /// For each vector the places of its zeros, one bit each.
    let zeros: [UInt64]
    var count: Int { zeros.count }

    init(values: [Float], weights: [Float], width: Int) {
        (self.values, self.weights, self.width) = (values, weights, width)
        zeros = stride(from: 0, to: values.count - width + 1, by: width).map { Self.zeros(values, $0, width) }
    }

    private static func zeros(_ values: [Float], _ start: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { values[start + $1] == 0 ? $0 | 1 << UInt64($1) : $0 }
    }

    private func distance(_ vector: Int, _ words: [Float], _ word: Int, _ wordZeros: UInt64) -> Float {
        guard zeros[vector] & ~wordZeros == 0 else { return .infinity }
        return (0..<width).reduce(0) { sum, place in
            let difference = values[vector * width + place] - words[word * width + place]
            return sum + weights[vector * width + place] * difference * difference
        }
    }

    func drawn(_ limit: Int, seed: UInt64) -> [Float] {
        var random = RandomGenerator(seed: seed)
        var words: [Float] = []
        var distances = [Float](repeating: .infinity, count: count)
        if zeros.contains(where: { $0 != 0 }) {
            words += [Float](repeating: 0, count: width)
            shorten(&distances, words, 0)
        }
        while words.count < limit * width {
            let masses = words.isEmpty ? [Double](repeating: 1, count: count) : distances.map(Double.init)
            let sum = masses.reduce(0, +)
            guard sum > 0 else { break }
            var rest = Double(random.next() >> 11) * 0x1p-53 * sum
            let place = masses.firstIndex { rest -= $0; return rest < 0 } ?? masses.lastIndex { $0 > 0 } ?? 0
            words += values[(place * width)..<((place + 1) * width)]
            shorten(&distances, words, words.count / width - 1)
        }
        return words
    }

    /// The least of each distance and that to one word.
    private func shorten(_ distances: inout [Float], _ words: [Float], _ word: Int) {
        let wordZeros = Self.zeros(words, word * width, width)
        distances.withUnsafeMutableBufferPointer { distances in
            Parallel.forEach(count, minimum: 1 << 12) { distances[$0] = min(distances[$0], distance($0, words, word, wordZeros)) }
        }
    }

    /// The nearest word of each vector, the first of equally near ones.
    func nearest(_ words: [Float]) -> [UInt8] {
        let wordCount = words.count / width
        let wordZeros = (0..<wordCount).map { Self.zeros(words, $0 * width, width) }
        let hasZeros = zeros.contains { $0 != 0 }
        // Numbers of the same place lie together.
        let turned = (0..<width).flatMap { place in (0..<wordCount).map { words[$0 * width + place] } }
        var codes = [UInt8](repeating: 0, count: count)
        codes.withUnsafeMutableBufferPointer { codes in
            Parallel.forRanges(count, minimum: 256) { range in
                var sums = [Float](repeating: 0, count: wordCount)
                sums.withUnsafeMutableBufferPointer { sums in
                    turned.withUnsafeBufferPointer { turned in
                        for vector in range { codes[vector] = nearest(to: vector, turned, hasZeros ? wordZeros : nil, sums) }
                    }
                }
            }
        }
        return codes
    }

    /// Σ w·c² − 2·w·x·c is least where Σ w·(x − c)² is.
    private func nearest(
        to vector: Int, _ turned: UnsafeBufferPointer<Float>, _ wordZeros: [UInt64]?, _ sums: UnsafeMutableBufferPointer<Float>
    ) -> UInt8 {
        for place in 0..<width {
            let weight = weights[vector * width + place]
            let twice = 2 * weight * values[vector * width + place]
            let row = UnsafeBufferPointer(rebasing: turned[(place * sums.count)..<((place + 1) * sums.count)])
            if place == 0 {
                for word in 0..<sums.count { sums[word] = row[word] * (weight * row[word] - twice) }
            } else {
                for word in 0..<sums.count { sums[word] += row[word] * (weight * row[word] - twice) }
            }
        }
        if let wordZeros, zeros[vector] != 0 {
            for word in 0..<sums.count where zeros[vector] & ~wordZeros[word] != 0 { sums[word] = .infinity }
        }
        var best = 0
        for word in 1..<max(1, sums.count) where sums[word] < sums[best] { best = word }
        return UInt8(best)
    }

    /// The words in the middle of their vectors, zero where they were; those without vectors as they were.
    func means(of codes: [UInt8], _ words: [Float]) -> [Float] {
        var (sums, masses) = ([Double](repeating: 0, count: words.count), [Double](repeating: 0, count: words.count))
        for (vector, code) in codes.enumerated() {
            for place in 0..<width {
                let weight = Double(weights[vector * width + place])
                sums[Int(code) * width + place] += weight * Double(values[vector * width + place])
                masses[Int(code) * width + place] += weight
            }
        }
        return words.indices.map { words[$0] == 0 || masses[$0] == 0 ? words[$0] : Float(sums[$0] / masses[$0]) }
    }
}
