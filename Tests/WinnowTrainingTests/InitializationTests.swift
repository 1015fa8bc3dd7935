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

    @Test func sameSeedGivesTheSameWeights() {
        var (a, b, c) = (Initialization(seed: 3), Initialization(seed: 3), Initialization(seed: 4))
        let shape: Shape = [4, 4]
        let first = a.uniform(shape, within: 1)
        #expect(first == b.uniform(shape, within: 1))
        #expect(first != c.uniform(shape, within: 1))
    }
}
