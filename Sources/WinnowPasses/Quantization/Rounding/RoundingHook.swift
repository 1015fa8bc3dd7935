import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor
import WinnowTraining

/// Pushes roundings up or down after a fifth of its time, more and more sharply.
struct RoundingHook: TrainingHook {
    /// What becomes whole, and stays, when that time is over.
    private let learned: [ValueName]
    let sharpness: ValueName
    let pressure: ValueName
    /// What the push counts beside the loss; nil: what it does where the nearest codes have an error of 1.
    private let strength: Float?
    /// The part of the run in which roundings are pushed.
    private let end: Double
    private(set) var isSettled: Bool

    var variables: Set<ValueName> { [sharpness, pressure] }

    /// Roundings that stay in the last tenth of the run, in which the rest is trained on the codes that will be written.
    init(_ learned: [ValueName], sharpness: ValueName, pressure: ValueName, strength: Double) {
        (self.learned, self.sharpness, self.pressure, self.strength) = (learned, sharpness, pressure, Float(strength))
        (end, isSettled) = (0.9, false)
    }

    /// Roundings that are all that is trained, pushed until the run ends.
    init(sharpness: ValueName, pressure: ValueName) {
        (learned, self.sharpness, self.pressure, strength) = ([], sharpness, pressure, nil)
        (end, isSettled) = (1, true)
    }

    mutating func step(_ moment: inout TrainingMoment) throws {
        guard moment.fraction < end else {
            moment.frozen.formUnion(learned)
            guard !isSettled else { return }
            isSettled = true
            moment.variables[pressure] = Tensor(scalar: Float(0))
            for name in learned {
                guard let own = moment.variables[name] else { continue }
                // σ of these is 0 and 1 as far as the clip tells.
                moment.variables[name] = Tensor(own.floats().map { $0 >= 0 ? 8 : -8 }, shape: own.shape)
            }
            return
        }
        let push = SoftRounding.push(after: Float(moment.fraction / end))
        moment.variables[pressure] = Tensor(scalar: push.pressure > 0 ? strength ?? push.pressure : 0)
        moment.variables[sharpness] = Tensor(scalar: push.sharpness)
    }
}
