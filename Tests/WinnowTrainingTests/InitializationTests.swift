import Testing
import WinnowTensor
import WinnowTraining

@Suite struct InitializationTests {
    @Test func linearWeightsAreUniformWithinOneOverRootFanIn() {
        var initialization = Initialization(seed: 7)
        let (weight, bias) = initialization.linear(inputs: 100, outputs: 300)
        #expect(weight.shape == [300, 100] && bias.shape == [300])
        let values = weight.floats()
        #expect(values.allSatisfy { $0 >= -0.1 && $0 < 0.1 })
        let variance = values.reduce(0) { $0 + $1 * $1 } / Float(values.count)
        #expect(abs(variance - 0.01 / 3) < 1e-4)
        #expect(bias.floats().allSatisfy { abs($0) <= 0.1 })
    }

    @Test func filtersCountTheirWindowAndGroups() {
        var initialization = Initialization(seed: 7)
        let (weight, _) = initialization.convolution(inputs: 8, outputs: 16, kernel: [5, 5], groups: 2)
        #expect(weight.shape == [16, 4, 5, 5])
        #expect(weight.floats().allSatisfy { abs($0) <= 0.1 })
        #expect(weight.floats().contains { abs($0) > 0.095 })
    }

    @Test func variancesFollowTheirFormulas() {
        var initialization = Initialization(seed: 1)
        func variance(_ tensor: Tensor) -> Float { tensor.floats().reduce(0) { $0 + $1 * $1 } / Float(tensor.elementCount) }
        #expect(abs(variance(initialization.xavierUniform([200, 100])) * 150 - 1) < 0.03)
        #expect(abs(variance(initialization.kaimingUniform([200, 100])) * 50 - 1) < 0.03)
        #expect(abs(variance(initialization.kaimingNormal([64, 16, 3, 3])) * 288 - 1) < 0.03)
    }

    @Test func sameSeedGivesTheSameWeights() {
        var (a, b, c) = (Initialization(seed: 3), Initialization(seed: 3), Initialization(seed: 4))
        let shape: Shape = [4, 4]
        let first = a.xavierUniform(shape)
        #expect(first == b.xavierUniform(shape))
        #expect(first != c.xavierUniform(shape))
    }
}
