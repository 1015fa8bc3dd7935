package import WinnowGraph
import WinnowTensor

/// x / (bias + alpha / size · Σ x²)^beta, the sum over `size` neighbouring channels.
package struct LRN: Decomposition {
    package static let type = OperatorType("LRN")
    package static let maximumInputCount = 1

    package var size: Int
    package var alpha: Float
    package var beta: Float
    package var bias: Float

    package init(size: Int, alpha: Float = 1e-4, beta: Float = 0.75, bias: Float = 1) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            size: try attributes.int("size", default: 0), alpha: try attributes.float("alpha", default: 1e-4),
            beta: try attributes.float("beta", default: 0.75), bias: try attributes.float("bias", default: 1))
        guard size > 0 else { throw WinnowError(.model, "size", "is \(size), but must be positive") }
    }

    package var attributes: Attributes {
        ["size": .int(size), "alpha": .float(alpha), "beta": .float(beta), "bias": .float(bias)]
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    /// The sum is a mean over channels as rows of an image, pads counting as zeros.
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        guard try b.rank(of: x) >= 3 else { throw WinnowError(.shape, "input", "has no spatial axes") }
        let image = try b.reshaped(b.square(x), [0, 1, try b.extent(1, of: x), -1])
        let before = (size - 1) / 2
        let window = Window(extents: [size, 1], pads: [before, 0, size - 1 - before, 0])
        let mean = try b.add(AveragePool(window: window, countsPads: true), image)
        let base = try b.add(b.multiply(mean, by: Double(alpha)), number: Double(bias))
        let power = try b.add(Pow(), base, b.scalar(Double(beta), like: x))
        return [try b.divide(x, b.add(Reshape(), power, b.shape(of: x)))]
    }
}
