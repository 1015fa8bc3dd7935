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

    /// Uniform in [−bound, bound).
    package mutating func uniform(_ shape: Shape, within bound: Float) -> Tensor {
        Tensor((0..<shape.elementCount).map { _ in (2 * generator.uniform() - 1) * bound }, shape: shape)
    }
}
