import WinnowGraph
import WinnowTensor

/// Which scheme each weight gets: that of the first rule that matches; 8 bits where a mixed scheme loses most and saves least; the
/// scheme itself.
///
/// Noise of rounding adds up over layers, as a part of each layer's own outputs that hardly depends on its size. So the bytes of the
/// smallest layers buy most: those are the ones that keep 8 bits, of equally large ones the later, whose noise fewer layers follow.
struct SchemeAssignment {
    /// Of the weights that could have fewer bits, the smallest that make up this part have 8 in any case, and at most.
    private static let shares = (least: 0.5, most: 0.75)
    /// What the layers with fewer bits may add, as a part of the power of a layer's outputs.
    private static let noiseLimit = 0.04
    /// Errors of fewer weights hardly average out in an output's sum.
    private static let depthLimit = 64
    /// Fewer inputs are those of depthwise filters, or a signal as it comes: samples of sound differ a thousandfold in size.
    private static let inputLimit = 16

    private let scheme: QuantizationScheme
    private let rules: [SchemeRule]
    /// Of all schemes; nil: their own.
    private let scales: ScaleChoice?
    /// Weights with another scheme, that by its name, and why.
    private let exceptions: [ValueName: (scheme: QuantizationScheme?, name: String, reason: String)]

    /// - Parameter budget: what the codes may take; nil: what the scheme asks for.
    init(
        _ scheme: QuantizationScheme, _ rules: [SchemeRule], scales: ScaleChoice? = nil, for targets: [WeightTarget],
        within budget: SchemeBudget? = nil
    ) throws {
        (self.scheme, self.rules, self.scales) = (scheme.taking(scales), rules, scales)
        let free = targets.filter { target in !rules.contains { $0.matches(target) } }
        if let budget {
            exceptions = try budget.choices(among: free, isProtected: { Self.reason(for: $0) != nil })
        } else {
            exceptions = (scheme.isMixed ? Self.reasons(among: free, noise: scheme.noise) : [:])
                .mapValues { (QuantizationScheme(bits: 8, .channel), "int8", "8 bits: \($0)") }
        }
    }

    func callAsFunction(_ target: WeightTarget) -> (scheme: QuantizationScheme?, reason: String?) {
        if let rule = rules.first(where: { $0.matches(target) }) {
            let scheme = rule.settings.scheme
            let own = rule.settings.scales ?? scales
            let words = rule.settings.scales.map { ", scales \($0.rawValue)" } ?? ""
            return (scheme.member?.taking(own), "rule \(rule.weights.joined(separator: ", ")): \(scheme)\(words)")
        }
        return exceptions[target.tensor].map { ($0.scheme?.taking(scales), $0.reason) } ?? (scheme, nil)
    }

    /// The name of the scheme that a weight has in place of the scheme of all; nil where it has that, or a rule says it.
    func exception(_ target: WeightTarget) -> String? {
        rules.contains { $0.matches(target) } ? nil : exceptions[target.tensor]?.name
    }

    private static func reasons(among targets: [WeightTarget], noise: Double) -> [ValueName: String] {
        var reasons: [ValueName: String] = [:]
        var others: [WeightTarget] = []
        for target in targets {
            if let reason = reason(for: target) { reasons[target.tensor] = reason } else { others.append(target) }
        }
        let total = Double(others.reduce(0) { $0 + $1.stored.elementCount })
        let rising = others.enumerated()
            .sorted { ($0.element.stored.elementCount, $1.offset) < ($1.element.stored.elementCount, $0.offset) }
            .map { $0.element }
        var sum = 0
        for (place, target) in rising.enumerated() {
            sum += target.stored.elementCount
            let isQuiet = Double(others.count - place) * noise <= noiseLimit
            guard Double(sum) <= total * (isQuiet ? shares.least : shares.most) else { break }
            reasons[target.tensor] = "one of the smallest weights"
        }
        return reasons
    }

    private static func reason(for target: WeightTarget) -> String? {
        if target.sites.contains(where: { $0.node.lookedUpInput == $0.inputIndex && !$0.isMultiplied }) { return "its rows are looked up" }
        let shape = target.stored.shape
        guard let channels = target.channelAxis, let inputs = target.inputAxis, shape[channels] > 0 else { return "its axes do not tell blocks" }
        if shape[inputs] < inputLimit { return "few inputs" }
        return shape.elementCount / shape[channels] < depthLimit ? "few weights an output" : nil
    }
}
