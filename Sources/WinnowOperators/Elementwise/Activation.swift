package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// An elementwise function that a contraction applies to its result before storing it.
package enum Activation: Hashable, Sendable {
    case relu
    case leakyRelu(alpha: Float)
    case clip(low: Float, high: Float)
    case sigmoid
    case tanh
    /// max(0, min(1, alpha·x + beta))
    case hardSigmoid(alpha: Float, beta: Float)
    case hardSwish
    /// x·sigmoid(alpha·x)
    case swish(alpha: Float)
    case elu(alpha: Float)
    case gelu(usesTanh: Bool)

    /// Reads the form in which fused operators of `com.microsoft` name it.
    package init(name: String, parameters: [Float]) throws {
        func parameter(_ index: Int, _ fallback: Float) -> Float { index < parameters.count ? parameters[index] : fallback }
        switch name {
        case "Relu": self = .relu
        case "LeakyRelu": self = .leakyRelu(alpha: parameter(0, 0.01))
        case "Clip":
            self = .clip(low: parameter(0, -.greatestFiniteMagnitude), high: parameter(1, .greatestFiniteMagnitude))
        case "Sigmoid": self = .sigmoid
        case "Tanh": self = .tanh
        case "HardSigmoid": self = .hardSigmoid(alpha: parameter(0, 0.2), beta: parameter(1, 0.5))
        case "HardSwish": self = .hardSwish
        case "Swish": self = .swish(alpha: parameter(0, 1))
        case "Elu": self = .elu(alpha: parameter(0, 1))
        case "Gelu": self = .gelu(usesTanh: parameter(0, 0) != 0)
        default: throw WinnowError(.unsupported, "activation", "\"\(name)\" is not known")
        }
    }

    package var name: String {
        switch self {
        case .relu: "Relu"
        case .leakyRelu: "LeakyRelu"
        case .clip: "Clip"
        case .sigmoid: "Sigmoid"
        case .tanh: "Tanh"
        case .hardSigmoid: "HardSigmoid"
        case .hardSwish: "HardSwish"
        case .swish: "Swish"
        case .elu: "Elu"
        case .gelu: "Gelu"
        }
    }

    package var parameters: [Float] {
        switch self {
        case .leakyRelu(let alpha), .elu(let alpha), .swish(let alpha): [alpha]
        case .clip(let low, let high): [low, high]
        case .hardSigmoid(let alpha, let beta): [alpha, beta]
        case .gelu(let usesTanh): [usesTanh ? 1 : 0]
        default: []
        }
    }

    package var step: Epilogue.Step {
        switch self {
        case .relu: .relu
        case .leakyRelu(let alpha): .leakyRelu(alpha: alpha)
        case .clip(let low, let high): .clip(low: low, high: high)
        case .sigmoid: .sigmoid
        case .tanh: .tanh
        case .hardSigmoid(let alpha, let beta): .hardSigmoid(alpha: alpha, beta: beta)
        case .hardSwish: .hardSwish
        case .swish(let alpha): .swish(alpha: alpha)
        case .elu(let alpha): .elu(alpha: alpha)
        case .gelu(let usesTanh): usesTanh ? .geluTanh : .geluErf
        }
    }

    /// The attributes `activation` and `activation_params` of fused operators.
    package init?(attributes: Attributes) throws {
        guard let name = try attributes.string("activation"), !name.isEmpty else { return nil }
        try self.init(name: name, parameters: attributes.floats("activation_params") ?? [])
    }

    package func add(to attributes: inout Attributes) {
        attributes["activation"] = .string(name)
        if !parameters.isEmpty { attributes["activation_params"] = .floats(parameters) }
    }
}

/// An operator that applies an `Activation` to its first input.
package protocol ActivationOperator: Operator {
    /// nil where it is none for this node: bounds that are not constant, say.
    func activation(of node: Node, in graph: GraphIndex) -> Activation?
}

extension GraphBuilder {
    /// The operator that an activation was fused from.
    func add(_ activation: Activation, to x: ValueName) throws -> ValueName {
        switch activation {
        case .relu: try add(Relu(), x)
        case .leakyRelu(let alpha): try add(LeakyRelu(alpha: alpha), x)
        case .clip(let low, let high): try clipped(x, Double(low), Double(high))
        case .sigmoid: try add(Sigmoid(), x)
        case .tanh: try add(Tanh(), x)
        case .hardSigmoid(let alpha, let beta): try add(HardSigmoid(alpha: alpha, beta: beta), x)
        case .hardSwish: try add(HardSwish(), x)
        case .swish(let alpha): try add(Swish(alpha: alpha), x)
        case .elu(let alpha): try add(Elu(alpha: alpha), x)
        case .gelu(let usesTanh): try add(Gelu(usesTanh: usesTanh), x)
        }
    }
}
