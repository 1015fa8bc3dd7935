import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
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

    private func numbers(_ count: Int, seed: UInt64) -> Tensor {
        var random = RandomGenerator(seed: seed)
        return Tensor((0..<count).map { _ in 2 * random.uniform() - 1 })
    }

    /// The gradients of Σ dy·x̂ for the parameters of a pair in training.
    private func gradients(_ x: Tensor, _ dy: Tensor, of parameters: [ValueName], _ make: (GraphBuilder, ValueName) throws -> ValueName) throws -> [String: Tensor] {
        let b = GraphBuilder("pair")
        let data = try b.input("x", .float32, [.fixed(x.elementCount)])
        let loss = try b.add(ReduceSum(keepsAxes: false), b.add(Mul(), make(b, data), b.constant("dy", dy)))
        var graph = try b.graph(outputs: [loss])
        for node in graph.nodes { if let edit = try node.op.trainingForm(of: node, in: GraphIndex(graph)) { graph = try graph.applying(edit) } }
        #expect(graph.nodes.contains { $0.op is FakeQuantize })
        let (joined, gradients) = try Differentiation.gradients(of: loss, withRespectTo: ["x"] + parameters, in: graph)
        var edit = GraphEdit()
        edit.outputs = gradients.values.sorted()
        let results = try Session(joined.applying(edit), options: SessionOptions(lowers: false)).run(["x": x])
        return try gradients.mapValues { try #require(results[$0]) }
    }

    /// LSQ+: 1 for what is clamped to the offset, and its code to the scale; inside as in LSQ.
    @Test func learnedOffsetsFollowWhatIsClamped() throws {
        let (x, dy, scale, offset) = (numbers(60, seed: 2), numbers(60, seed: 5), Float(0.06), Float(-0.4))
        let found = try gradients(x, dy, of: ["s", "beta"]) { b, x in
            let (s, beta) = (b.constant("s", scalar: scale), b.constant("beta", scalar: offset))
            let z = try b.add(LearnedOffset(.uint4), s, beta)
            return try b.add(DequantizeLinear(), b.add(QuantizeLinear(), x, s, z), s, z)
        }
        let zero = (-offset / scale).rounded(.toNearestOrEven)
        var (ds, dBeta, clampedCount): (Float, Float, Int) = (0, 0, 0)
        for (place, value) in x.floats().enumerated() {
            let (code, g) = ((value / scale).rounded(.toNearestOrEven) + zero, dy.floats()[place])
            if (0...15).contains(code) {
                ds += g * (code - zero - value / scale)
            } else {
                (ds, dBeta, clampedCount) = (ds + g * (code < 0 ? 0 : 15), dBeta + g, clampedCount + 1)
            }
            #expect(found["x"]?.floats()[place] == ((0...15).contains(code) ? g : 0))
        }
        #expect((10...50).contains(clampedCount))
        let (ownBeta, ownScale) = (try #require(found["beta"]).floats()[0], try #require(found["s"]).floats()[0])
        #expect(abs(ownBeta - dBeta) < 1e-4 && abs(ownScale - ds) < 1e-4)
    }

    /// PACT: what lies beyond an end moves it, and nothing else does.
    @Test func learnedEndsFollowWhatLiesBeyond() throws {
        let (x, dy, low, high) = (numbers(60, seed: 2), numbers(60, seed: 5), Float(-0.3), Float(0.5))
        let found = try gradients(x, dy, of: ["low", "high"]) { b, x in
            var op = MovingRange(RangeEncoding(0...15), .uint4)
            op.isLearned = true
            let ends = try b.add(op, inputs: [x, b.constant("low", scalar: low), b.constant("high", scalar: high)], outputs: 2)
            return try b.add(DequantizeLinear(), b.add(QuantizeLinear(), x, ends[0], ends[1]), ends[0], ends[1])
        }
        let pairs = zip(x.floats(), dy.floats())
        #expect(found["x"]?.floats() == pairs.map { $0 < low || $0 >= high ? 0 : $1 })
        let (ownLow, ownHigh) = (try #require(found["low"]).floats()[0], try #require(found["high"]).floats()[0])
        #expect(abs(ownLow - pairs.reduce(0) { $0 + ($1.0 < low ? $1.1 : 0) }) < 1e-5)
        #expect(abs(ownHigh - pairs.reduce(0) { $0 + ($1.0 >= high ? $1.1 : 0) }) < 1e-5)
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

    /// What lies before it stays as it is, and the rest is trained.
    @Test func aNodeWithoutDerivativeStopsWhatIsBeforeIt() throws {
        let b = GraphBuilder("opaque")
        let x = try b.input("x", .float32, [2])
        let weighted = try b.add(Mul(), x, b.constant("a", Tensor([1, 2] as [Float])))
        let riddle = try b.add(Riddle(), weighted, name: "enigma")
        let sum = try b.add(Add(), riddle, b.add(Mul(), weighted, b.constant("b", Tensor([3, 4] as [Float]))))
        let loss = try b.add(ReduceMean(keepsAxes: false), sum)
        let graph = try b.graph(outputs: [loss])
        let training = try TrainingGraph(Objective(graph: graph, loss: loss))
        #expect(training.parameters == ["b"] && training.obstacles.mapValues(\.name) == ["a": "enigma"])
        #expect(throws: WinnowError.self) { try TrainingGraph(Objective(graph: graph, loss: loss), frozen: ["b"]) }
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
