internal import WinnowTensor

/// What happens to the 32-bit sums of an integer contraction, in as few steps an element as there can be:
/// target = round(steps(sum · scales + bias) / targetScale) + targetZeroPoint.
///
/// Scales that are known beforehand meet in one factor for each channel. Where the steps are homogeneous, the target's
/// scale joins them, and what saturation does anyway is left out.
struct Requantization {
    /// One for all, or one for each output channel.
    private(set) var scales: [Float]
    private(set) var bias: [Float]?
    /// What is left to take off the source's codes.
    private(set) var sourceZeroPoint: Int32
    private(set) var epilogue: Epilogue
    private(set) var targetScale: Float = 1
    private(set) var targetZeroPoint: Int32 = 0

    /// - Parameter filterSums: for each output channel the sum of its codes, if there are no pads: every code meets one of the source.
    init(_ contraction: IntegerContraction, filterSums: [Int32]?) {
        let source = contraction.source.known
        scales = contraction.filter.scales.map { $0 * source.scale }
        bias = contraction.bias
        epilogue = contraction.epilogue
        sourceZeroPoint = source.zeroPoint
        if sourceZeroPoint != 0, let filterSums {
            let shares = filterSums.indices.map { channel in
                -Double(sourceZeroPoint) * Double(filterSums[channel]) * Double(scales[scales.count == 1 ? 0 : channel])
            }
            bias = shares.indices.map { Float(Double(bias?[$0] ?? 0) + shares[$0]) }
            sourceZeroPoint = 0
        }
        guard case .codes(let encoding) = contraction.target else { return }
        (targetScale, targetZeroPoint) = (encoding.scale, encoding.zeroPoint)
        // Sums with a source scale of the run's own are in other units than the bias.
        guard !contraction.source.isDynamic, encoding.scale.isNormal,
            let steps = epilogue.steps.scaled(by: 1 / encoding.scale)
        else { return }
        scale(by: 1 / encoding.scale)
        targetScale = 1
        epilogue = Epilogue(Array(steps.prefix((steps.lastIndex { !$0.isSaturation(of: encoding) } ?? -1) + 1)))
        absorbResidual()
        if epilogue.steps.isEmpty, let bias {
            self.bias = bias.map { $0 + Float(encoding.zeroPoint) }
            targetZeroPoint = 0
        }
    }

    private mutating func scale(by factor: Float) {
        scales = scales.map { $0 * factor }
        bias = bias.map { $0.map { $0 * factor } }
    }

    /// x + s·(r − z) = s·((x/s − z) + r): the sum in units of the residual, so that only one step is left after it.
    private mutating func absorbResidual() {
        guard let bias, case .addResidual(let type, let unit, let zeroPoint)? = epilogue.steps.first, unit.isNormal,
            type != .float32
        else { return }
        self.bias = bias.map { $0 / unit - Float(zeroPoint) }
        scales = scales.map { $0 / unit }
        let rest = epilogue.steps.dropFirst()
        let offset = rest.isEmpty ? Float(targetZeroPoint) : 0
        if rest.isEmpty { targetZeroPoint = 0 }
        epilogue = Epilogue([.addResidual(type), .linear(alpha: unit, beta: offset)] + rest)
    }
}

extension [Epilogue.Step] {
    /// The same steps on numbers `factor` times as large, or nil if one of them is not homogeneous.
    fileprivate func scaled(by factor: Float) -> [Epilogue.Step]? {
        var result: [Epilogue.Step] = []
        for step in self {
            switch step {
            case .relu, .leakyRelu: result.append(step)
            case .clip(let low, let high): result.append(.clip(low: low * factor, high: high * factor))
            case .addResidual(let type, let scale, let zeroPoint):
                result.append(.addResidual(type, scale: scale * factor, zeroPoint: zeroPoint))
            default: return nil
            }
        }
        return result
    }
}

extension Epilogue.Step {
    /// Whether rounding to the codes of `encoding`, whose scale is taken to be 1, does the same.
    fileprivate func isSaturation(of encoding: AffineEncoding) -> Bool {
        guard let codes = encoding.elementType.integerRange else { return false }
        let range = Float(codes.lowerBound - Int(encoding.zeroPoint))...Float(codes.upperBound - Int(encoding.zeroPoint))
        return switch self {
        case .relu: range.lowerBound >= 0
        case .clip(let low, let high): low.rounded(.toNearestOrEven) <= range.lowerBound && high.rounded(.toNearestOrEven) >= range.upperBound
        default: false
        }
    }
}
