import WinnowKernels
import WinnowTensor

/// Which elements of a weight go together: each by itself, N of every M along the sum, or blocks.
public enum SparsityPattern: Hashable, Sendable {
    /// Every element by itself.
    case unstructured
    /// Of every `group` inputs of an output (and tap of a filter) `kept` stay: 2:4 is what sparse tensor cores take
    /// (Mishra et al. 2021).
    case some(kept: Int, of: Int)
    /// Blocks of so many outputs by so many inputs, at each tap of a filter.
    case blocks(outputs: Int, inputs: Int)

    /// The weight with a score for each unit that goes or stays as one. Of N:M the elements that go are masked already, whatever
    /// the budget. Throws a refusal where the layer does not tell rows and columns, or they do not fit.
    func scored(_ weight: MaskedWeight, _ scores: [Float]?, _ contraction: Contraction?) throws(Refusal) -> ScoredWeight {
        switch self {
        case .unstructured: return ScoredWeight(weight, scores: scores)
        case .some(let kept, let group):
            let matrix = try matrix(weight, scores, contraction)
            guard matrix.inputs % group == 0 else { throw Refusal("its \(matrix.inputs) inputs are no multiple of \(group)") }
            return ScoredWeight(weight, scores: matrix.keeping(kept, of: group))
        case .blocks(let outputs, let inputs):
            return try matrix(weight, scores, contraction).blocks(outputs, inputs, of: weight)
        }
    }

    private func matrix(_ weight: MaskedWeight, _ scores: [Float]?, _ contraction: Contraction?) throws(Refusal) -> ScoreMatrix {
        guard let contraction else { throw Refusal("its layer does not tell outputs and inputs") }
        return ScoreMatrix(scores ?? weight.magnitudesInUse, contraction)
    }

    /// The fraction that a pattern takes out by itself.
    package var fraction: Double? {
        if case .some(let kept, let group) = self { 1 - Double(kept) / Double(group) } else { nil }
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

    /// Each block with the mean of what is in use of it; blocks at the edges may be smaller.
    func blocks(_ rows: Int, _ columns: Int, of weight: MaskedWeight) -> ScoredWeight {
        let across = (inputs + columns - 1) / columns
        let count = (outputs + rows - 1) / rows * across * taps
        var units = [Int32](repeating: 0, count: scores.count)
        var (sums, counts) = ([Double](repeating: 0, count: count), [Int](repeating: 0, count: count))
        for output in 0..<outputs {
            for input in 0..<inputs {
                for tap in 0..<taps {
                    let (unit, place) = ((output / rows * across + input / columns) * taps + tap, place(output, input, tap))
                    units[place] = Int32(unit)
                    guard scores[place] >= 0 else { continue }
                    sums[unit] += Double(scores[place])
                    counts[unit] += 1
                }
            }
        }
        let means = zip(sums, counts).map { $1 == 0 ? Float(-1) : Float($0 / Double($1)) }
        return ScoredWeight(weight, scores: means, units: units)
    }
}

extension SparsityPattern: HyperparameterConvertible, CustomStringConvertible {
    public static var kind: String { "unstructured, N:M such as 2:4, or RxC such as 1x4" }
    public init?(_ value: HyperparameterValue) {
        let text = value.description
        if text == "unstructured" { self = .unstructured; return }
        func numbers(_ separator: Character) -> (Int, Int)? {
            let parts = text.split(separator: separator, omittingEmptySubsequences: false).map { Int($0) }
            guard parts.count == 2, let first = parts[0], let second = parts[1], first > 0, second > 0, max(first, second) <= 65_536 else { return nil }
            return (first, second)
        }
        if let (kept, group) = numbers(":"), kept < group { self = .some(kept: kept, of: group); return }
        guard let (outputs, inputs) = numbers("x") else { return nil }
        self = .blocks(outputs: outputs, inputs: inputs)
    }
    public var hyperparameterValue: HyperparameterValue { .string(description) }

    public var description: String {
        switch self {
        case .unstructured: "unstructured"
        case .some(let kept, let group): "\(kept):\(group)"
        case .blocks(let outputs, let inputs): "\(outputs)x\(inputs)"
        }
    }
}
