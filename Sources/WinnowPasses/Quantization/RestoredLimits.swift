import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Where the range of a value's codes ends because a Relu or Clip was taken for done by it, as runtimes leave those out in front of
/// QuantizeLinear, and not because nothing beyond was seen.
struct RestoredLimits {
    private let choice: Dequantization.Limits
    private let index: GraphIndex

    init(_ choice: Dequantization.Limits, _ index: GraphIndex) { (self.choice, self.index) = (choice, index) }

    /// nil where nothing is to be limited.
    func limits(of quantize: Node) -> ClosedRange<Double>? {
        guard choice != .none, let range = range(of: quantize) else { return nil }
        if choice == .all { return range.ends }
        // Nothing limits what the caller supplies.
        guard index.producer(of: quantize.input(0)) != nil else { return nil }
        if range.isOne, let limits = Self.wholeLimits(range.ends, step: range.step) { return limits }
        return range.startsAtZero ? 0...Double.infinity : nil
    }

    /// Why a rounding must stay: all ends are to be kept, and these are not two numbers that a Clip could have.
    func objection(toRemoving quantize: Node) -> String? {
        guard choice == .all, quantize.op is QuantizeLinear, range(of: quantize)?.isOne != true else { return nil }
        return "limits=all keeps its rounding: the ends of its range are not one constant number each"
    }

    /// What the first scale's codes stand for, and whether there is no other; nil where that is not known.
    private func range(of quantize: Node) -> (ends: ClosedRange<Double>, step: Double, startsAtZero: Bool, isOne: Bool)? {
        guard quantize.op is QuantizeLinear, let codes = index.info(of: quantize.output(0))?.elementType.integerRange,
            let scales = index.constant(quantize.input(1))?.doubles(), let scale = scales.first, scale > 0,
            let zeroPoints = quantize.input(2) == nil ? [0] : index.constant(quantize.input(2))?.doubles(), let zeroPoint = zeroPoints.first
        else { return nil }
        let ends = scale * (Double(codes.lowerBound) - zeroPoint)...scale * (Double(codes.upperBound) - zeroPoint)
        return (ends, scale, zeroPoints.allSatisfy { $0 == Double(codes.lowerBound) }, scales.count == 1)
    }

    /// Whole numbers that a range is as wide as, and as near to as zero points allow: what was seen of data ends at others.
    private static func wholeLimits(_ ends: ClosedRange<Double>, step: Double) -> ClosedRange<Double>? {
        let (low, high) = (ends.lowerBound, ends.upperBound)
        let (width, bottom) = ((high - low).rounded(), low.rounded())
        guard width >= 1, step != step.rounded(), abs(high - low - width) <= 1e-6 * width, abs(low - bottom) <= step * 0.501 else { return nil }
        return bottom...(bottom + width)
    }
}

extension GraphIndex {
    /// Whether a value lies between limits already.
    func lies(_ value: ValueName?, within limits: ClosedRange<Double>) -> Bool {
        let slack = limits.upperBound.isInfinite ? 0 : 1e-6 * max(limits.lowerBound.magnitude, limits.upperBound.magnitude)
        var value = value
        for _ in 0..<12 {
            if limits == 0...Double.infinity, isNeverNegative(value) { return true }
            guard let node = producer(of: value), node.output(0) == value else { return false }
            var own = node.op.outputBounds.map { Double($0.lowerBound)...Double($0.upperBound) }
            if case .between(let range)? = node.op.passing(of: node, in: self) { own = range }
            if let own, own.lowerBound >= limits.lowerBound - slack, own.upperBound <= limits.upperBound + slack { return true }
            guard node.op.quantization == .keepsScale || node.op is AveragePool || node.op is GlobalAveragePool else { return false }
            value = node.input(0)
        }
        return false
    }
}
