import WinnowTensor

/// Which numbers the scales of weights are, in the place of those that a scheme has.
public enum ScaleChoice: String, HyperparameterChoice, Codable {
    case float32, float16
    /// Of 2^k that clips nothing and 2^(k−1), integers have the one with the less squared error; other codes the first.
    case powerOfTwo = "power-of-two"
    /// The same, stored in 16 bits, as a power of two from 2⁻¹²⁷ to 2¹²⁷; small floats have those of OCP Microscaling, of any scheme.
    case e8m0
    /// 8-bit floats times a number for the tensor; of small floats only.
    case e4m3

    /// Why codes cannot have such scales; nil where they can.
    func objection(to scheme: QuantizationScheme) -> String? {
        if scheme.levels == .palette { return "palettes have no scales" }
        return self == .e4m3 && scheme.isInteger ? "scales of integers are smaller than E4M3 begins, at 2⁻⁹" : nil
    }
}

extension QuantizationScheme {
    /// The same with other scales, where it can have them.
    func taking(_ choice: ScaleChoice?) -> QuantizationScheme {
        guard let choice, choice.objection(to: self) == nil else { return self }
        return with { scheme in
            switch choice {
            case .float32: scheme.scales = .float32
            case .float16: scheme.scales = .float16
            case .powerOfTwo: scheme.scales = .powerOfTwo
            case .e8m0: scheme.scales = .e8m0(.floor)
            case .e4m3: scheme.scales = .e4m3
            }
            // The largest part of the range rounds to the first power, the smallest to the next.
            if isInteger, choice == .powerOfTwo || choice == .e8m0 { scheme.clips = true }
        }
    }
}
