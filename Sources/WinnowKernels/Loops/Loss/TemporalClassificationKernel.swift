import Foundation
package import WinnowTensor

/// −log p(letters | scores) ÷ letters over all paths with blanks, the mean over samples, and its derivative by the scores
/// (Graves et al., "Connectionist Temporal Classification", 2006, equations 6 to 16). Scores are (N, times, classes).
package struct TemporalClassificationKernel: Sendable {
    private let samples: Int
    private let times: Int
    private let classes: Int
    private let width: Int
    private let blank: Int
    private let zeroesInfinity: Bool

    /// - Parameter zeroesInfinity: whether samples with an infinite loss, as of more letters than times, have none and no gradient.
    /// Throws `shape` where the letters do not fit the scores or there is no such blank.
    package init(_ scores: Shape, letters: Shape, blank: Int, zeroesInfinity: Bool = false) throws {
        guard scores.rank == 3, letters.rank == 2, letters[0] == scores[0] else {
            throw WinnowError(.shape, "ctc", "has scores \(scores) and letters \(letters)", remedy: "they must be (N, times, classes) and (N, letters)")
        }
        guard (0..<max(scores[2], 1)).contains(blank) else {
            throw WinnowError(.shape, "blank", "is \(blank), none of \(scores[2]) classes")
        }
        (samples, times, classes, width) = (scores[0], scores[1], scores[2], letters[1])
        (self.blank, self.zeroesInfinity) = (blank, zeroesInfinity)
    }

    /// The letters of a sample with a blank before, between and behind. Throws `data` for an index that is no class.
    private func path(_ letters: UnsafePointer<Int64>, _ sample: Int) throws -> [Int] {
        var path = [blank]
        for place in 0..<width {
            let letter = Int(letters[sample * width + place])
            guard letter >= 0, letter != blank else { break }
            guard letter < classes else { throw WinnowError(.data, "ctc", "letter \(letter) is none of \(classes) classes") }
            path += [letter, blank]
        }
        return path
    }

    private func paths(_ letters: UnsafePointer<Int64>) throws -> [[Int]] {
        try times > 0 ? (0..<samples).map { try path(letters, $0) } : []
    }

    private func logarithms(_ scores: UnsafePointer<Float>, _ sample: Int) -> [Double] {
        var result = [Double](repeating: 0, count: times * classes)
        for time in 0..<times {
            let row = scores + (sample * times + time) * classes
            var largest = -Double.infinity
            for c in 0..<classes { largest = max(largest, Double(row[c])) }
            var sum = 0.0
            for c in 0..<classes { sum += exp(Double(row[c]) - largest) }
            let norm = largest + log(sum)
            for c in 0..<classes { result[time * classes + c] = Double(row[c]) - norm }
        }
        return result
    }

    private static func add(_ a: Double, _ b: Double) -> Double {
        let (low, high) = a < b ? (a, b) : (b, a)
        return low == -.infinity ? high : high + log1p(exp(low - high))
    }

    /// log of the sum over all beginnings (or endings, backwards) of the path that are at a place at a time.
    private func sums(_ logarithms: [Double], _ path: [Int], backwards: Bool) -> [Double] {
        let count = path.count
        var result = [Double](repeating: -.infinity, count: times * count)
        func letter(_ place: Int) -> Int { path[backwards ? count - 1 - place : place] }
        for step in 0..<times {
            let time = backwards ? times - 1 - step : step
            for place in 0..<count {
                var sum = -Double.infinity
                if step == 0 {
                    if place < 2 { sum = 0 }
                } else {
                    let before = (step - 1) * count
                    sum = result[before + place]
                    if place > 0 { sum = Self.add(sum, result[before + place - 1]) }
                    if place > 1, letter(place) != blank, letter(place) != letter(place - 2) { sum = Self.add(sum, result[before + place - 2]) }
                }
                result[step * count + place] = sum + logarithms[time * classes + letter(place)]
            }
        }
        return result
    }

    private func total(_ forward: [Double], _ count: Int) -> Double {
        let last = (times - 1) * count
        return count == 1 ? forward[last] : Self.add(forward[last + count - 1], forward[last + count - 2])
    }

    /// Whether a sample has no path that counts, given the logarithm of the sum of all.
    private func isLeftOut(_ total: Double) -> Bool { zeroesInfinity && total == -.infinity }

    /// `loss` gets one number; infinity where a sample has more letters than times, unless such have none.
    package func run(_ scores: UnsafePointer<Float>, _ letters: UnsafePointer<Int64>, loss: UnsafeMutablePointer<Float>) throws {
        let paths = try paths(letters)
        var losses = [Double](repeating: 0, count: paths.count)
        losses.withUnsafeMutableBufferPointer { buffer in
            let losses = buffer
            Parallel.forEach(paths.count) { sample in
                let forward = sums(logarithms(scores, sample), paths[sample], backwards: false)
                let whole = total(forward, paths[sample].count)
                losses[sample] = isLeftOut(whole) ? 0 : whole / Double(max(paths[sample].count / 2, 1))
            }
        }
        loss[0] = Float(-losses.reduce(0, +) / Double(max(samples, 1)))
    }

    /// (softmax − the part of paths that have the class at the time) ÷ letters ÷ samples · dloss.
    package func runGradient(
        _ lossGradient: UnsafePointer<Float>, _ scores: UnsafePointer<Float>, _ letters: UnsafePointer<Int64>,
        to target: UnsafeMutablePointer<Float>
    ) throws {
        let paths = try paths(letters)
        Parallel.forEach(paths.count) { sample in
            let (path, logarithms) = (paths[sample], logarithms(scores, sample))
            let (forward, backward) = (sums(logarithms, path, backwards: false), sums(logarithms, path, backwards: true))
            let (count, whole) = (path.count, total(forward, path.count))
            guard !isLeftOut(whole) else {
                (target + sample * times * classes).update(repeating: 0, count: times * classes)
                return
            }
            let factor = Double(lossGradient[0]) / Double(max(count / 2, 1)) / Double(max(samples, 1))
            for time in 0..<times {
                var shares = [Double](repeating: 0, count: classes)
                for place in 0..<count {
                    let both = forward[time * count + place] + backward[(times - 1 - time) * count + count - 1 - place]
                    shares[path[place]] += exp(both - logarithms[time * classes + path[place]] - whole)
                }
                let row = target + (sample * times + time) * classes
                for c in 0..<classes { row[c] = Float((exp(logarithms[time * classes + c]) - shares[c]) * factor) }
            }
        }
    }
}
