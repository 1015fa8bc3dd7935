import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Where weights go back to after each round of pruning, masks kept (the lottery ticket hypothesis; Frankle and Carbin 2019).
public enum Rewinding: Hashable, Sendable {
    /// Nowhere: each round trains on.
    case none
    /// To what they were before any training.
    case start
    /// To what they were after so many epochs of training the dense model (Frankle et al. 2020, "Linear Mode Connectivity and the
    /// Lottery Ticket Hypothesis").
    case epoch(Int)

    /// The epochs of dense training before the weights that are gone back to.
    var epochs: Int { if case .epoch(let count) = self { count } else { 0 } }
}

extension Rewinding: HyperparameterConvertible, CustomStringConvertible {
    public static var kind: String { "none, start or epoch N" }

    public init?(_ value: HyperparameterValue) {
        let words = value.description.split(separator: " ")
        switch (words.first, words.count) {
        case ("none", 1): self = .none
        case ("start", 1): self = .start
        case ("epoch", 2):
            guard let count = Int(words[1]), count > 0 else { return nil }
            self = .epoch(count)
        default: return nil
        }
    }

    public var hyperparameterValue: HyperparameterValue { .string(description) }

    public var description: String {
        switch self {
        case .none: "none"
        case .start: "start"
        case .epoch(let count): "epoch \(count)"
        }
    }
}

/// Keeps what all variables of a training run are after an epoch.
final class EpochCapture: TrainingHook {
    private let epoch: Int
    private(set) var tensors: [ValueName: Tensor] = [:]

    init(_ epoch: Int) { self.epoch = epoch }

    func step(_ moment: inout TrainingMoment) throws {
        if moment.step == epoch * moment.stepsPerEpoch { tensors = moment.variables.tensors }
    }

    var state: [String: Tensor] { tensors }
    func restore(_ state: [String: Tensor]) throws { tensors = state }
}
