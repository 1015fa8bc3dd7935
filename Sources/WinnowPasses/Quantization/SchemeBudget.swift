import WinnowGraph
import WinnowTensor

/// How many bytes codes may take, and the schemes to choose from.
struct SchemeBudget {
    /// As a part of the weights' own bytes.
    private let size: Double
    private let schemes: [SchemeLadder.Named]
    private let costs: SchemeLadder.Costs
    /// Whether a size that cannot be reached is an error; where not, the nearest larger is taken.
    private let isExact: Bool

    init(size: Double, _ schemes: [SchemeLadder.Named], _ costs: SchemeLadder.Costs, isExact: Bool) {
        (self.size, self.schemes, self.costs, self.isExact) = (size, schemes, costs, isExact)
    }

    /// - Parameter isProtected: whether a weight has 8 bits at least, for errors of its few codes do not average out.
    func choices(
        among targets: [WeightTarget], isProtected: (WeightTarget) -> Bool
    ) throws -> [ValueName: (scheme: QuantizationScheme?, name: String, reason: String)] {
        let wide = schemes.filter { $0.scheme.map { $0.bits >= 8 } ?? true }
        let ladder = SchemeLadder(for: targets, costs) { isProtected($0) && !wide.isEmpty ? wide : schemes }
        let limit = Int((size * Double(ladder.byteCount)).rounded(.down))
        guard !isExact || ladder.leastByteCount <= limit else {
            let least = (1000 * Double(ladder.leastByteCount) / Double(ladder.byteCount)).rounded(.up) / 1000
            throw WinnowError(
                .recipe, "size \(size.shortText)", "is less than codes can take: \(ladder.leastByteCount) of \(ladder.byteCount) bytes",
                remedy: "give \(least.shortText) or more, or another scheme")
        }
        return ladder.choices(within: limit).mapValues { ($0.scheme, $0.name, "\($0.name) for size \(size.shortText)") }
    }
}
