package import WinnowTensor

/// Seeded random starting weights; the defaults are those of `torch.nn.Linear` and `torch.nn.Conv2d`.
package struct Initialization {
    private var generator: RandomGenerator

    package init(seed: UInt64) { generator = RandomGenerator(seed: seed, stream: 1) }

    /// Weights (outputs, inputs) and biases, uniform within ±1/√inputs.
    package mutating func linear(inputs: Int, outputs: Int) -> (weight: Tensor, bias: Tensor) {
        let bound = 1 / Float(max(1, inputs)).squareRoot()
        return (uniform([outputs, inputs], within: bound), uniform([outputs], within: bound))
    }

    /// Filters (outputs, inputs / groups, kernel…) and biases, uniform within ±1/√fan-in.
    package mutating func convolution(inputs: Int, outputs: Int, kernel: [Int], groups: Int = 1)
        -> (weight: Tensor, bias: Tensor)
    {
        let shape = Shape([outputs, inputs / groups] + kernel)
        let bound = 1 / Float(max(1, shape.dropFirst().reduce(1, *))).squareRoot()
        return (uniform(shape, within: bound), uniform([outputs], within: bound))
    }

    /// Uniform with variance gain² / fan-in (He et al. 2015, equation 10); gain² is 2 / (1 + slope²).
    package mutating func kaimingUniform(_ shape: Shape, negativeSlope: Float = 0) -> Tensor {
        let fan = Self.fans(of: shape)
        return uniform(shape, within: (6 / ((1 + negativeSlope * negativeSlope) * fan.input)).squareRoot())
    }

    /// Normal with variance 2 / fan-out, as residual networks use it.
    package mutating func kaimingNormal(_ shape: Shape) -> Tensor {
        let deviation = (2 / Self.fans(of: shape).output).squareRoot()
        return Tensor((0..<shape.elementCount).map { _ in generator.normal() * deviation }, shape: shape)
    }

    /// Uniform with variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010, equation 16).
    package mutating func xavierUniform(_ shape: Shape) -> Tensor {
        let fan = Self.fans(of: shape)
        return uniform(shape, within: (6 / (fan.input + fan.output)).squareRoot())
    }

    /// Uniform in [−bound, bound).
    package mutating func uniform(_ shape: Shape, within bound: Float) -> Tensor {
        Tensor((0..<shape.elementCount).map { _ in (2 * generator.uniform() - 1) * bound }, shape: shape)
    }

    /// What one output reads and one input feeds, for weights (outputs, inputs, kernel…).
    private static func fans(of shape: Shape) -> (input: Float, output: Float) {
        let window = shape.dropFirst(2).reduce(1, *)
        let inputs = shape.rank > 1 ? shape[1] : 1
        let outputs = shape.rank > 0 ? shape[0] : 1
        return (Float(max(1, inputs * window)), Float(max(1, outputs * window)))
    }
}
