package import WinnowTensor

extension Tensor {
    /// What is wrong with its numbers; nil if all are finite.
    package var finiteness: String? {
        guard elementType.isFloatingPoint else { return nil }
        let isFinite = elementType == .float32
            ? withElements(Float.self) { RangeStatistics(of: $0).isFinite }
            : pieces.allSatisfy { doubles(in: $0).allSatisfy(\.isFinite) }
        guard !isFinite else { return nil }
        let values = pieces.lazy.flatMap { doubles(in: $0) }
        let (nans, infinities) = values.reduce(into: (0, 0)) { counts, value in
            if value.isNaN { counts.0 += 1 } else if value.isInfinite { counts.1 += 1 }
        }
        let parts = [(nans, "NaN"), (infinities, "infinite")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return "it is not finite: \(parts.joined(separator: " and ")) among \(elementCount) numbers"
    }
}
