/// How gradients change parameters; the names and defaults are those of `torch.optim`.
public struct OptimizerConfiguration: Codable, Hashable, Sendable {
    public enum Rule: String, Codable, Sendable, CaseIterable {
        /// Stochastic gradient descent, with momentum where asked for.
        case sgd
        /// Adam (Kingma and Ba 2015); weight decay is added to the gradient.
        case adam
        /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
        case adamW = "adamw"
    }

    public var rule: Rule
    /// The part of the last update that `.sgd` keeps.
    public var momentum: Double
    /// Whether `.sgd` looks ahead along its momentum.
    public var nesterov: Bool
    /// Pulls parameters towards 0; 0 turns it off.
    public var weightDecay: Double
    /// Decay rates of Adam's first and second moments.
    public var beta1 = 0.9
    public var beta2 = 0.999
    /// What Adam adds to the root of the second moment.
    public var epsilon = 1e-8
    /// Leaves parameters of rank 1 and 0 (biases, normalization scales, quantization scales) without weight decay.
    public var exemptsVectors = false

    public init(_ rule: Rule, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double? = nil) {
        self.rule = rule
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay ?? Self.usualWeightDecay(rule)
    }

    public static func sgd(momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) -> Self {
        Self(.sgd, momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
    }

    public static func adam(weightDecay: Double = 0) -> Self { Self(.adam, weightDecay: weightDecay) }
    public static func adamW(weightDecay: Double = 0.01) -> Self { Self(.adamW, weightDecay: weightDecay) }

    private static func usualWeightDecay(_ rule: Rule) -> Double { rule == .adamW ? 0.01 : 0 }
}

extension OptimizerConfiguration {
    /// Reads the rule's name alone, or any of the properties; those left out keep their defaults.
    public init(from decoder: any Decoder) throws {
        if let rule = try? decoder.singleValueContainer().decode(Rule.self) {
            self.init(rule)
            return
        }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try values.decodeIfPresent(Rule.self, forKey: .rule) ?? .sgd)
        momentum = try values.decodeIfPresent(Double.self, forKey: .momentum) ?? momentum
        nesterov = try values.decodeIfPresent(Bool.self, forKey: .nesterov) ?? nesterov
        weightDecay = try values.decodeIfPresent(Double.self, forKey: .weightDecay) ?? weightDecay
        beta1 = try values.decodeIfPresent(Double.self, forKey: .beta1) ?? beta1
        beta2 = try values.decodeIfPresent(Double.self, forKey: .beta2) ?? beta2
        epsilon = try values.decodeIfPresent(Double.self, forKey: .epsilon) ?? epsilon
        exemptsVectors = try values.decodeIfPresent(Bool.self, forKey: .exemptsVectors) ?? exemptsVectors
    }
}
