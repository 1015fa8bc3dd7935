import WinnowGraph
import WinnowTensor

/// A function that a recurrent layer applies: an operator, or one between multiplications and an addition.
struct RecurrentActivation: Sendable {
    /// What a name stands for where its parameters are not given. The standard leaves those of Affine and ScaledTanh open;
    /// ONNX Runtime takes 0.
    private static let usualAlphas: [String: Float] = [
        "affine": 0, "elu": 1, "hardsigmoid": 0.2, "leakyrelu": 0.01, "scaledtanh": 0, "thresholdedrelu": 1,
    ]
    private static let usualBetas: [String: Float] = ["affine": 0, "hardsigmoid": 0.5, "scaledtanh": 0]

    /// nil leaves the values as they are.
    private let function: (any Operator)?
    private let inner: Float
    private let outer: Float
    private let shift: Float

    private init(_ function: (any Operator)?, inner: Float = 1, outer: Float = 1, shift: Float = 0) {
        (self.function, self.inner, self.outer, self.shift) = (function, inner, outer, shift)
    }

    /// Function `index` of `names`. Each function that has an alpha takes the next of `alphas`, betas likewise.
    init(_ index: Int, of names: [String], alphas: [Float], betas: [Float]) throws {
        let name = names[index].lowercased()
        func parameter(_ values: [Float], _ usual: [String: Float]) -> Float {
            let place = names[..<index].count { usual[$0.lowercased()] != nil }
            return place < values.count ? values[place] : usual[name] ?? 0
        }
        let (alpha, beta) = (parameter(alphas, Self.usualAlphas), parameter(betas, Self.usualBetas))
        switch name {
        case "affine": self.init(nil, outer: alpha, shift: beta)
        case "sigmoid": self.init(Sigmoid())
        case "tanh": self.init(Tanh())
        case "scaledtanh": self.init(Tanh(), inner: beta, outer: alpha)
        case "relu": self.init(Relu())
        case "softsign": self.init(Softsign())
        case "softplus": self.init(Softplus())
        case "leakyrelu": self.init(LeakyRelu(alpha: alpha))
        case "thresholdedrelu": self.init(ThresholdedRelu(alpha: alpha))
        case "hardsigmoid": self.init(HardSigmoid(alpha: alpha, beta: beta))
        case "elu": self.init(Elu(alpha: alpha))
        default: throw WinnowError(.unsupported, "activation", "\"\(names[index])\" is not known")
        }
    }

    /// outer · function(inner · x) + shift
    func add(to b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        let scaled = try b.multiply(x, by: Double(inner))
        let result = try b.multiply(function.map { try b.add($0, scaled) } ?? scaled, by: Double(outer))
        return shift == 0 ? result : try b.add(result, number: Double(shift))
    }

    /// Whether zero stays zero in values such as `info`.
    func keepsZero(_ info: ValueInfo?) -> Bool {
        shift == 0 && (function?.effect(of: Zeros(at: [0], of: [0], inputs: [info])) ?? .zero) == .zero
    }
}
