import WinnowKernels
import WinnowTensor

/// What tools differ in that agree on x ≈ scale · (code − zero point): which scale and zero point a range has, and which code a
/// number.
package struct QuantizationConvention: Hashable, Sendable {
    package let name: String
    /// Whether symmetric codes use the lowest one, which has none opposite: −2^(bits − 1)…2^(bits − 1) − 1.
    var usesLowestCode = false
    /// What scales are at least; nil: 1 takes the place of those too small to divide by.
    var leastScale: Float?
    /// Whether numbers are multiplied by the rounded reciprocal of their scale, instead of being divided by it.
    var multiplies = false
    /// Whether weights have 7 bits too where activations have.
    var reducesWeights = true
    /// Whether scales are rounded up to powers of two.
    var roundsToPowers = false
    /// Whether scales of weights follow a moving average while the weights are trained.
    var averagesWeights = false
    /// The codes of what is quantized at run time, where they are not those of DynamicQuantizeLinear.
    var dynamicCodes: DynamicCodes?

    /// That of ONNX's operators and of ONNX Runtime's tools.
    package static let onnx = QuantizationConvention(name: "onnx")

    /// Symmetric codes around 0.
    func symmetricCodes(bits: Int) -> ClosedRange<Int> {
        let limit = (1 << (bits - 1)) - 1
        return (usesLowestCode ? -limit - 1 : -limit)...limit
    }

    /// The bits of weights beside activations whose range may be reduced.
    func weightBits(_ bits: Int, isReduced: Bool) -> Int { isReduced && reducesWeights ? min(7, bits) : bits }

    func affine(_ range: ClosedRange<Float>, _ codes: ClosedRange<Int>) -> (scale: Float, zeroPoint: Int) {
        let (scale, zeroPoint) = encoding(codes).affine(range)
        return (scale, Int(zeroPoint))
    }

    func symmetric(_ largest: Float, _ codes: ClosedRange<Int>) -> Float { encoding(codes).symmetric(largest) }

    /// How scale and zero point follow from ranges.
    func encoding(_ codes: ClosedRange<Int>, isSymmetric: Bool = false) -> RangeEncoding {
        RangeEncoding(codes, leastScale: leastScale, isSymmetric: isSymmetric, isPowerOfTwo: roundsToPowers)
    }

    /// The code of 0 in symmetric codes: the middle of those without sign.
    func middle(of codes: ClosedRange<Int>, in type: ElementType) -> Int {
        guard !type.isSigned else { return 0 }
        return (codes.lowerBound + codes.upperBound + (codes == type.integerRange ? 1 : 0)) / 2
    }

    /// What is rounded to a code, less its zero point.
    @inline(__always)
    func quotient(_ number: Float, _ scale: Float) -> Float { multiplies ? number * (1 / scale) : number / scale }
}

/// Every convention, one line each.
public enum QuantizationConventions: MemberCatalogue {
    package static let all: [QuantizationConvention] = [
        .onnx,
        // torch.ao.quantization's observers, fake quantization and, at run time, ChooseQuantizationParams.
        QuantizationConvention(
            name: "torch", usesLowestCode: true, leastScale: 0x1p-23, multiplies: true, reducesWeights: false, averagesWeights: true,
            dynamicCodes: DynamicCodes()),
        // The same with the larger least scale that PT2E's x86 quantizer asks for.
        QuantizationConvention(
            name: "torch-pt2e", usesLowestCode: true, leastScale: 0x1p-12, multiplies: true, reducesWeights: false, averagesWeights: true,
            dynamicCodes: DynamicCodes()),
    ]
    public static var names: [String] { all.map(\.name) }
}
