public import WinnowKernels
import WinnowTensor

/// How much goes of a set of things with scores: those of the lowest, of equal scores the first.
///
/// A whole number stands for `.count`, any other for `.fraction`: `.l1Unstructured(7)`, `.l1Unstructured(0.3)`.
public enum Budget: Sendable, Hashable {
    /// So many of those that are left.
    case count(Int)
    /// round(fraction · n) of the n that are left, halves to even, as `torch.nn.utils.prune` counts.
    case fraction(Double)
    /// As many as make this fraction of all, with those that are gone already.
    case total(Double)
    /// All with scores below that of the round(fraction · n)-th: one fewer, or more where scores are equal. PaddleSlim's `ratio`.
    case below(Double)
    /// All with scores up to this, rounded to the type of the weights.
    case threshold(Double)
    /// All with scores up to this percentile of the scores, of which zeros of a tensor are some and what a mask hides is none.
    case percentile(Double, Percentile.Method)
    /// All with magnitudes up to so many standard deviations of the weights that are left: quality·σ of the layer
    /// (Han et al. 2015, section 3); of other scores up to so many of theirs.
    case deviations(Double)

    /// Whether what goes of one thing is the same whatever it is compared with.
    var isThreshold: Bool { if case .threshold = self { true } else { false } }

    /// Whether scores are compared with a number, and not only with each other.
    var comparesWithNumbers: Bool {
        switch self {
        case .threshold, .deviations: true
        case .count, .fraction, .total, .below, .percentile: false
        }
    }

    /// The number that `fraction` of `count` rounds to, halves to even, as Python's `round` does.
    package static func count(_ fraction: Double, of count: Int) -> Int {
        Int((fraction * Double(count)).rounded(.toNearestOrEven))
    }

    /// Where the scores of `things` are cut.
    package func cut(of things: [some Scored]) -> ScoreCut {
        var (left, gone, zeros) = (0, 0, 0)
        for thing in things {
            thing.visitScores { piece in
                let own = piece.count { $0 < 0 }
                gone += own
                if thing.goneAreZeros { zeros += own }
                left += piece.count - own
            }
        }
        func smallest(_ count: Int) -> WinnowKernels.Selection.Cut {
            // What is gone has the lowest scores.
            WinnowKernels.Selection.smallest(gone + count) { take in for thing in things { thing.visitScores(take) } }
        }
        guard left > 0 else { return .nothing }
        switch self {
        case .threshold(let threshold): return .upTo(threshold)
        case .percentile(let percent, let method):
            let limit = Percentile.value(percent, count: zeros + left, method) { place in
                place < zeros ? 0 : smallest(place + 1 - zeros).threshold
            }
            return .upTo(limit ?? -1)
        case .below(let fraction):
            let cut = smallest(min(left, max(1, Self.count(fraction, of: left))))
            return cut.threshold.map { ScoreCut(limit: $0, ties: 0) } ?? .nothing
        case .count, .fraction, .total, .deviations:
            let count = count(left: left, gone: gone)
            guard count > 0 else { return .nothing }
            guard count < left else { return .everything }
            let cut = smallest(count)
            return cut.threshold.map { ScoreCut(limit: $0, ties: cut.tieCount) } ?? .nothing
        }
    }

    private func count(left: Int, gone: Int) -> Int {
        switch self {
        case .count(let count): max(0, count)
        case .fraction(let fraction): Self.count(fraction, of: left)
        case .total(let fraction): max(0, Self.count(fraction, of: left + gone) - gone)
        case .threshold, .percentile, .deviations, .below: 0
        }
    }

    /// The same in terms of scores, for things that belong to these weights of one type. A threshold is given as numbers of that type
    /// are: 0.1 is the float32 nearest to it.
    ///
    /// - Parameter areMagnitudes: whether the scores are the weights' own magnitudes; else they are float32.
    func resolved(for weights: [MaskedWeight], areMagnitudes: Bool = true) -> Budget {
        if case .threshold(let limit) = self {
            return .threshold(limit.rounded(to: areMagnitudes ? weights.first?.values.elementType ?? .float32 : .float32))
        }
        guard case .deviations(let quality) = self else { return self }
        return .threshold(quality * Self.deviation(of: weights.flatMap(\.valuesInUse)))
    }

    /// The same for things whose scores are numbers of their own: the deviation is that of the scores that are left.
    ///
    /// - Parameter zero: the score that stands for the number 0.
    func resolved(by things: [some Scored], zero: Float = 0) -> Budget {
        switch self {
        case .threshold(let limit): return .threshold(Double(Float(limit) + zero))
        case .deviations(let quality):
            var scores: [Double] = []
            for thing in things { thing.visitScores { piece in scores += piece.lazy.filter { $0 >= 0 }.map(Double.init) } }
            return .threshold(Double(Float(quality * Self.deviation(of: scores)) + zero))
        case .count, .fraction, .total, .below, .percentile: return self
        }
    }

    private static func deviation(of values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))).squareRoot()
    }

    /// Throws `.usage` for a fraction outside 0…1, for a negative number, and for more than are left.
    ///
    /// - Parameter subject: what an error calls the amount.
    func check(left: Int, _ subject: String = "amount") throws {
        func require(_ condition: Bool, _ problem: @autoclosure () -> String, _ remedy: String) throws {
            if !condition { throw WinnowError(.usage, subject, problem(), remedy: remedy) }
        }
        switch self {
        case .count(let count):
            try require(count >= 0, "is \(count), a negative number", "give how many are to go")
            try require(count <= left, "is \(count), but only \(left) are left", "give no more than are left, or a fraction")
        case .fraction(let part), .total(let part), .below(let part):
            try require((0...1).contains(part), "is \(part.shortText), outside 0…1", "whole numbers are counts, others fractions")
        case .percentile(let percent, _):
            try require((0...100).contains(percent), "is the percentile \(percent.shortText)", "give 0…100")
        case .threshold(let limit), .deviations(let limit):
            try require(limit >= 0, "is below 0, as no magnitude is", "give 0 or more")
        }
    }
}

extension Budget: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, CustomStringConvertible {
    public init(integerLiteral count: Int) { self = .count(count) }
    public init(floatLiteral fraction: Double) { self = .fraction(fraction) }

    public var description: String {
        switch self {
        case .count(let count): "\(count)"
        case .fraction(let fraction): "\(fraction)"
        case .total(let fraction): "\(fraction) of all"
        case .below(let fraction): "below the \(fraction) quantile"
        case .threshold(let limit): "up to \(limit)"
        case .percentile(let percent, let method): "up to the \(method.rawValue) percentile \(percent)"
        case .deviations(let quality): "up to \(quality) σ"
        }
    }
}

extension Double {
    /// The nearest number of a type, with float32 the widest, as all scores are.
    func rounded(to type: ElementType) -> Double {
        type.bitWidth < 32 ? Tensor([self], shape: [1], as: type).doubles()[0] : Double(Float(self))
    }
}

/// Something whose parts have scores.
package protocol Scored {
    /// Hands over the scores in order, some at a time; they are below 0 where a part is gone already.
    func visitScores(_ take: (UnsafeBufferPointer<Float>) -> Void)

    /// Whether what is gone is zeros among the numbers, rather than hidden by a mask.
    var goneAreZeros: Bool { get }
}

extension Scored {
    package var goneAreZeros: Bool { false }
}

extension [Float]: Scored {
    package func visitScores(_ take: (UnsafeBufferPointer<Float>) -> Void) { withUnsafeBufferPointer(take) }

    /// The indices of the `count` lowest; of equal ones the first.
    package func lowest(_ count: Int) -> [Int] {
        guard count > 0 else { return [] }
        let threshold = WinnowKernels.Selection.smallest(Swift.min(count, self.count)) { take in visitScores(take) }
        guard var cut = threshold.threshold.map({ ScoreCut(limit: $0, ties: threshold.tieCount) }) else { return [] }
        return indices.filter { cut.removes(self[$0]) }
    }
}

/// Where scores are cut: those below the limit go, and of those at the limit so many, in order.
package struct ScoreCut {
    var limit: Float
    var ties: Int

    static let nothing = ScoreCut(limit: 0, ties: 0)
    static let everything = ScoreCut(limit: .infinity, ties: .max)

    static func upTo(_ limit: Double) -> ScoreCut {
        let nearest = Float(limit)
        return ScoreCut(limit: Double(nearest) > limit ? nearest.nextDown : nearest, ties: .max)
    }

    mutating func removes(_ score: Float) -> Bool {
        if score < limit { return true }
        guard score == limit, ties > 0 else { return false }
        ties -= 1
        return true
    }
}
