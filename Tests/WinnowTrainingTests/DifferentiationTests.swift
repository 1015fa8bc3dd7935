import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

@Suite struct DifferentiationTests {
    /// Compares every gradient with central differences of the loss, as the operators compute it.
    private func check(
        _ objective: Objective, inputs: [ValueName: Tensor], step: Float = 1e-2, tolerance: Float = 2e-3
    ) throws {
        let training = try TrainingGraph(objective)
        let initial = training.graph.initializers.filter { training.variables.contains($0.key) }
        let variables = VariableStore(initial)
        let plan = try Plan(training.graph, inputShapes: inputs.mapValues(\.shape), variables: variables)
        for (name, tensor) in inputs { try plan.setInput(name, tensor) }
        func loss() throws -> Float {
            try plan.execute()
            return try #require(plan.output(training.loss)).floats()[0]
        }
        _ = try loss()
        var gradients: [ValueName: [Float]] = [:]
        for name in training.parameters {
            let gradientName = try #require(training.gradients[name])
            let gradient = try #require(plan.output(gradientName))
            #expect(gradient.shape == initial[name]?.shape)
            gradients[name] = gradient.floats()
        }
        for name in training.parameters {
            let tensor = try #require(initial[name])
            for index in stride(from: 0, to: tensor.elementCount, by: max(1, tensor.elementCount / 7)) {
                func moved(by delta: Float) -> Tensor {
                    var values = tensor.floats()
                    values[index] += delta
                    return Tensor(values, shape: tensor.shape)
                }
                variables[name] = moved(by: step)
                let above = try loss()
                variables[name] = moved(by: -step)
                let below = try loss()
                variables[name] = tensor
                let slope = (above - below) / (2 * step)
                let own = try #require(gradients[name])[index]
                #expect(abs(own - slope) < tolerance * max(1, abs(slope)), "\(name)[\(index)]: \(own), slope \(slope)")
            }
        }
    }

    @Test(arguments: [0, 0.1]) func perceptronGradientsEqualDifferences(smoothing: Double) throws {
        let model = try perceptron(inputs: 2, hidden: 5, outputs: 3, activation: Tanh())
        let data = try quadrants(count: 12)
        let points = try #require(data.batch(at: Array(0..<12)).values.first)
        let labels = Tensor((0..<12).map { Int64($0 % 3) })
        try check(
            Loss.crossEntropy(labelSmoothing: smoothing).attached(to: model), inputs: ["image": points, "labels": labels])
    }

    @Test func sharedWeightsSumTheirContributions() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, [4, 3])
        let w = b.constant("w", Tensor([Float](arrayLiteral: 0.3, -0.2, 0.5, 0.1, 0.4, -0.6, 0.2, 0.7, -0.1), shape: [3, 3]))
        let h = try b.add(MatMul(), x, w)
        let y = try b.add(Add(), b.add(MatMul(), h, w), h)
        let model = try b.graph(outputs: [y])
        let x0 = Tensor((0..<12).map { Float($0) / 10 - 0.5 }, shape: [4, 3])
        let target = Tensor((0..<12).map { Float($0 % 5) / 5 }, shape: [4, 3])
        try check(Loss.meanSquaredError.attached(to: model), inputs: ["x": x0, "targets": target])
    }

    @Test func whatTheLossDoesNotDependOnHasNoGradient() throws {
        let b = GraphBuilder("branches")
        let x = try b.input("x", .float32, [2])
        let used = try b.add(Mul(), x, b.constant("a", Tensor([1, 2] as [Float])))
        _ = try b.add(Mul(), x, b.constant("b", Tensor([1, 2] as [Float])))
        let loss = try b.add(ReduceMean(keepsAxes: false), used)
        let graph = try b.graph(outputs: [loss])
        let (_, gradients) = try Differentiation.gradients(of: loss, withRespectTo: ["a", "b"], in: graph)
        #expect(Set(gradients.keys) == ["a"])
    }

    @Test func aNodeWithoutDerivativeIsNamed() throws {
        let b = GraphBuilder("opaque")
        let x = try b.input("x", .float32, [2])
        let weighted = try b.add(Mul(), x, b.constant("a", Tensor([1, 2] as [Float])))
        let loss = try b.add(ReduceMean(keepsAxes: false), b.add(Riddle(), weighted, name: "enigma"))
        let graph = try b.graph(outputs: [loss])
        let error = #expect(throws: WinnowError.self) {
            try Differentiation.gradients(of: loss, withRespectTo: ["a"], in: graph)
        }
        #expect(error?.description.contains("enigma") == true && error?.description.contains("Riddle") == true)
        #expect(throws: Never.self) { try Differentiation.gradients(of: loss, withRespectTo: [], in: graph) }
    }

    @Test func aLossMustBeOneNumber() throws {
        let b = GraphBuilder("vector")
        let x = try b.input("x", .float32, [2])
        let y = try b.add(Mul(), x, b.constant("a", Tensor([1, 2] as [Float])))
        let graph = try b.graph(outputs: [y])
        #expect(throws: WinnowError.self) {
            try Differentiation.gradients(of: y, withRespectTo: ["a"], in: graph)
        }
    }
}

/// An operator without derivative.
private struct Riddle: Operator {
    static let type = OperatorType("Riddle")
    init() {}
    init(attributes: Attributes, version: Int) throws {}
    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { inputs.compactMap { $0 } }
    func kernel(for request: KernelRequest) throws -> Kernel { .view }
}
