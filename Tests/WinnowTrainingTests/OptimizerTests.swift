import Foundation
import Testing
import WinnowEngine
import WinnowTensor
import WinnowTraining

private struct OptimizerFixture: Decodable {
    struct Case: Decodable {
        var optimizer: OptimizerConfiguration
        var learningRate: Double
        var result: [Double]
    }
    var start: [Float]
    var gradients: [[Float]]
    var cases: [Case]
}

@Suite struct OptimizerTests {
    /// Takes the fixture's steps from its start; gives the parameter after them.
    private func run(
        _ fixture: OptimizerFixture, _ configuration: OptimizerConfiguration, learningRate: Double, factor: Float = 1,
        options: ParameterOptions? = nil, shape: Shape? = nil, frozen: Set<String> = []
    ) -> [Float] {
        let variables = VariableStore(["w": Tensor(fixture.start, shape: shape)])
        var optimizer = Optimizer(
            configuration, parameters: ["w"], of: variables, shapes: ["w": shape ?? [fixture.start.count]],
            options: options.map { ["w": $0] } ?? [:])
        for gradient in fixture.gradients {
            var values = gradient
            values.withUnsafeMutableBufferPointer { buffer in
                optimizer.update(
                    [GradientBuffer(name: "w", values: buffer)], learningRate: learningRate, gradientFactor: factor,
                    frozen: frozen)
            }
        }
        return variables["w"]?.floats() ?? []
    }

    @Test func parametersEqualTorchAfterSixSteps() throws {
        let fixture: OptimizerFixture = try fixture("optimizers")
        #expect(fixture.cases.count == 7)
        for example in fixture.cases {
            let own = run(fixture, example.optimizer, learningRate: example.learningRate)
            for (a, b) in zip(own, example.result) { #expect(abs(Double(a) - b) < 2e-6, "\(example.optimizer)") }
        }
    }

    @Test func frozenParametersStay() throws {
        let fixture: OptimizerFixture = try fixture("optimizers")
        #expect(run(fixture, .adamW(), learningRate: 0.1, frozen: ["w"]) == fixture.start)
    }

    @Test func gradientFactorAndScaleMultiplyTheGradient() throws {
        var fixture: OptimizerFixture = try fixture("optimizers")
        let scaled = run(
            fixture, .sgd(momentum: 0.5), learningRate: 0.1, factor: 0.5, options: ParameterOptions(gradientScale: 0.5))
        for step in fixture.gradients.indices { fixture.gradients[step] = fixture.gradients[step].map { $0 / 4 } }
        #expect(scaled == run(fixture, .sgd(momentum: 0.5), learningRate: 0.1))
    }

    @Test func optionsOfOneParameterAreKept() throws {
        let fixture: OptimizerFixture = try fixture("optimizers")
        let slow = run(fixture, .sgd(), learningRate: 0.4, options: ParameterOptions(learningRateFactor: 0.25))
        let plain = run(fixture, .sgd(), learningRate: 0.1)
        for (a, b) in zip(slow, plain) { #expect(abs(a - b) < 1e-6) }
        let lifted = run(fixture, .sgd(), learningRate: 0.1, options: ParameterOptions(minimum: 0.01))
        #expect(lifted.allSatisfy { $0 >= 0.01 })
        var decaying = OptimizerConfiguration.sgd(weightDecay: 0.1)
        let undecayed = run(fixture, decaying, learningRate: 0.1, options: ParameterOptions(decaysWeights: false))
        #expect(undecayed == plain)
        decaying.exemptsVectors = true
        #expect(run(fixture, decaying, learningRate: 0.1) == plain)
        #expect(run(fixture, decaying, learningRate: 0.1, shape: [2, 2]) != plain)
    }

    @Test func clippingByNormEqualsTorch() {
        var values: [Float] = [3, 4]
        var more: [Float] = [12]
        values.withUnsafeMutableBufferPointer { a in
            more.withUnsafeMutableBufferPointer { b in
                let buffers = [GradientBuffer(name: "a", values: a), GradientBuffer(name: "b", values: b)]
                #expect(abs(GradientClipping(limit: 1).apply(to: buffers) - 1 / 13) < 1e-7)
                #expect(GradientClipping(limit: 20).apply(to: buffers) == 1)
                #expect(GradientClipping(.value, limit: 3.5).apply(to: buffers) == 1)
            }
        }
        #expect(values == [3, 3.5])
        #expect(more == [3.5])
    }
}
