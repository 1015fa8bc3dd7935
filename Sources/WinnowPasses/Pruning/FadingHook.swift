import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Lets channels shrink to zero: with T steps of which t are done, w ← (w₋₁ + (w − w₋₁)·(1 − t/T))·(1 − 1/(T − t + 1)).
///
/// What an optimizer does to them counts for less and less, and what is left of them is taken away in equal parts (EasyPruner's
/// GradDecay).
struct FadingHook: TrainingHook {
    private let channels: [PenalizedChannels]
    private let end: Double
    /// The tensors as the step before left them.
    private var last: [ValueName: Tensor] = [:]
    private(set) var isSettled = false

    init(_ channels: [PenalizedChannels], until end: Double) {
        self.channels = channels
        self.end = end
    }

    var variables: Set<ValueName> { Set(channels.flatMap { [$0.tensor] + $0.companions }) }

    mutating func step(_ moment: inout TrainingMoment) throws {
        let total = max(1, (end * Double(moment.totalSteps)).rounded(.down))
        let left = max(0, total - Double(moment.step))
        isSettled = left == 0
        for channel in channels {
            guard let places = channel.places else { continue }
            for (name, axis) in [(channel.tensor, channel.axis)] + channel.companions.map({ ($0, 0) }) {
                guard let now = moment.variables[name] else { continue }
                guard let before = last[name], moment.step > 0 else { last[name] = now; continue }
                let faded = Self.faded(now, before, places, axis: axis, trust: left / total, rest: left / (left + 1))
                moment.variables[name] = faded
                last[name] = faded
            }
        }
    }

    private static func faded(_ now: Tensor, _ before: Tensor, _ places: [Bool], axis: Int, trust: Double, rest: Double) -> Tensor
    {
        var values = now.floats()
        let (stride, extent) = (now.shape.strides[axis], now.shape[axis])
        for (place, old) in before.floats().enumerated() where places[place / stride % extent] {
            values[place] = (old + (values[place] - old) * Float(trust)) * Float(rest)
        }
        return Tensor(values, shape: now.shape)
    }

    var state: [String: Tensor] { last }
    mutating func restore(_ state: [String: Tensor]) throws { last = state }
}
