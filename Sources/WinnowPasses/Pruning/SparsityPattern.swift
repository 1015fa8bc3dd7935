import WinnowKernels
import WinnowTensor

/// Which elements of a weight go together: each by itself, N of every M along the sum, or blocks.
public enum SparsityPattern: Hashable, Sendable {
    /// Every element by itself.
    case unstructured
    /// Of every `group` inputs of an output (and tap of a filter) `kept` stay: 2:4 is what sparse tensor cores take
    /// (Mishra et al. 2021).
    case semiStructured(kept: Int, of: Int)
    /// Blocks of so many outputs by so many inputs, at each tap of a filter.
    case blocks(outputs: Int, inputs: Int)

    /// Why the weight of a layer cannot have the pattern; nil where it can.
    func objection(to contraction: Contraction?) -> String? {
        guard self != .unstructured else { return nil }
        guard let contraction else { return "its layer does not tell outputs and inputs" }
        guard case .semiStructured(_, let group) = self, contraction.inputCount % group != 0 else { return nil }
        return "its \(contraction.inputCount) inputs are no multiple of \(group)"
    }

    /// The weight with a score for each unit that goes or stays as one. Of N:M the elements that go are masked already, whatever
    /// the budget. `contraction` is one that there is no objection to.
    func scored(
        _ weight: MaskedWeight, _ scores: [Float]?, _ contraction: Contraction?, by norm: BlockNorm = .mean
    ) -> ScoredWeight {
        guard self != .unstructured, let contraction else { return ScoredWeight(weight, scores: scores) }
        let matrix = ScoreMatrix(scores ?? weight.magnitudesInUse, contraction)
        switch self {
        case .semiStructured(let kept, let group): return ScoredWeight(weight, scores: matrix.keeping(kept, of: group))
        case .blocks(let outputs, let inputs): return matrix.blocks(outputs, inputs, of: weight, by: norm)
        case .unstructured: return ScoredWeight(weight, scores: scores)
        }
    }

    /// The fraction that a pattern takes out by itself.
    package var fraction: Double? {
        if case .semiStructured(let kept, let group) = self { 1 - Double(kept) / Double(group) } else { nil }
    }
}

/// How the score of a block follows from the scores of those of its elements that are in use.
public enum BlockNorm: String, HyperparameterChoice, Codable {
    case mean, l1, l2, linf
    /// |Σ w| ÷ n: weights of opposite signs cancel. PaddleSlim's `sparse_block`.
    case signedMean = "signed-mean"

    /// Adds what an element says of its block.
    fileprivate func add(_ score: Double, to sum: inout Double) {
        switch self {
        case .mean, .l1, .signedMean: sum += score
        case .l2: sum += score * score
        case .linf: sum = max(sum, score)
        }
    }

    fileprivate func score(_ sum: Double, of count: Int) -> Float {
        switch self {
        case .mean, .signedMean: Float(abs(sum) / Double(count))
        case .l1, .linf: Float(sum)
        case .l2: Float(sum.squareRoot())
        }
    }
}

/// Scores seen as outputs × inputs × taps.
private struct ScoreMatrix {
    private var scores: [Float]
    /// Where each element of the matrix, row by row, lies.
    private let places: [Int]
    private let outputs: Int
    let inputs: Int
    private let taps: Int

    init(_ scores: [Float], _ contraction: Contraction) {
        self.scores = scores
        places = contraction.places
        (outputs, inputs, taps) = (contraction.outputCount, contraction.inputCount, contraction.tapCount)
    }

    private func place(_ output: Int, _ input: Int, _ tap: Int) -> Int { places[(output * inputs + input) * taps + tap] }

    /// Infinite where an element stays, −1 where it goes: no budget changes that.
    func keeping(_ kept: Int, of group: Int) -> [Float] {
        var result = [Float](repeating: .infinity, count: scores.count)
        for output in 0..<outputs {
            for tap in 0..<taps {
                for start in stride(from: 0, to: inputs, by: group) {
                    let members = (start..<(start + group)).map { place(output, $0, tap) }
                    for index in members.map({ scores[$0] }).lowest(group - kept) { result[members[index]] = -1 }
                }
            }
        }
        for index in scores.indices where scores[index] < 0 { result[index] = -1 }
        return result
    }

    /// Each block with the norm of what is in use of it; blocks at the edges may be smaller.
    func blocks(_ rows: Int, _ columns: Int, of weight: MaskedWeight, by norm: BlockNorm) -> ScoredWeight {
        let across = (inputs + columns - 1) / columns
        let count = (outputs + rows - 1) / rows * across * taps
        var units = [Int32](repeating: 0, count: scores.count)
        let signs = norm == .signedMean ? weight.values.floats().map { $0 < 0 ? -1.0 : 1 } : []
        var (sums, counts) = ([Double](repeating: 0, count: count), [Int](repeating: 0, count: count))
        for output in 0..<outputs {
            for input in 0..<inputs {
                for tap in 0..<taps {
                    let (unit, place) = ((output / rows * across + input / columns) * taps + tap, place(output, input, tap))
                    units[place] = Int32(unit)
                    guard scores[place] >= 0 else { continue }
                    norm.add(Double(scores[place]) * (signs.isEmpty ? 1 : signs[place]), to: &sums[unit])
                    counts[unit] += 1
                }
            }
        }
        let norms = zip(sums, counts).map { $1 == 0 ? Float(-1) : norm.score($0, of: $1) }
        return ScoredWeight(weight, scores: norms, units: units)
    }
}

extension SparsityPattern: HyperparameterConvertible, CustomStringConvertible {
    public static var kind: String { "unstructured, N:M with N < M such as 2:4, or RxC such as 1x4" }
    public init?(_ value: HyperparameterValue) {
        let text = value.description
        if text == "unstructured" { self = .unstructured; return }
        if let (kept, group) = value.extents(parted: ":"), max(kept, group) <= 65_536, kept < group {
            self = .semiStructured(kept: kept, of: group)
            return
        }
        guard let (outputs, inputs) = value.extents(parted: "x"), max(outputs, inputs) <= 65_536 else { return nil }
        self = .blocks(outputs: outputs, inputs: inputs)
    }
    public var hyperparameterValue: HyperparameterValue { .string(description) }

    public var description: String {
        switch self {
        case .unstructured: "unstructured"
        case .semiStructured(let kept, let group): "\(kept):\(group)"
        case .blocks(let outputs, let inputs): "\(outputs)x\(inputs)"
        }
    }
}
