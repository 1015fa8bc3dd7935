import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Layers behind control flow are trained; what it needs stays as it is.
@Suite struct TrainingFrontTests {
    private let layer = Gemm(transposesRight: true)

    private func weights(_ b: GraphBuilder, _ name: String, _ inputs: Int, _ outputs: Int, seed: UInt64) -> [ValueName] {
        var random = Initialization(seed: seed)
        let (weight, bias) = random.linear(inputs: inputs, outputs: outputs)
        return [b.constant("\(name).weight", weight), b.constant("\(name).bias", bias)]
    }

    private func branch(_ name: String, _ op: any Operator, _ captured: [(ValueName, ValueType)]) throws -> Graph {
        try Graph(
            name: name, inputs: [], outputs: ["\(name).chosen"],
            nodes: [Node(name: name, op: op, inputs: captured.map(\.0), outputs: ["\(name).chosen"])],
            captures: Dictionary(captured, uniquingKeysWith: { first, _ in first }))
    }

    /// Whether a batch has a number above the limit, as a value of the graph.
    private func isAbove(_ limit: Float, _ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        try b.add(Greater(), b.add(ReduceMax(keepsAxes: false), x), b.constant("limit", Tensor(scalar: limit)))
    }

    /// x (N, 2) → fc1 to 8 → Relu, or Neg where a batch has a number above the limit → fc2 to two classes. nil: Relu without a question.
    private func chosen(limit: Float?, isResidual: Bool = false) throws -> Graph {
        let b = GraphBuilder("chosen")
        let x = try b.input("x", .float32, ["N", 2])
        let hidden = try b.add(layer, inputs: [x] + weights(b, "fc1", 2, 8, seed: 1), outputs: 1, name: "fc1")[0]
        let type = ValueType(.float32, ["N", 8])
        var chosen = try limit.map { limit in
            let choice = If(then: try branch("yes", Neg(), [(hidden, type)]), else: try branch("no", Relu(), [(hidden, type)]))
            return try b.add(choice, isAbove(limit, b, x), name: "choice")
        } ?? b.add(Relu(), hidden)
        if isResidual { chosen = try b.add(Add(), chosen, hidden) }
        let scores = try b.add(layer, inputs: [chosen] + weights(b, "fc2", 8, 2, seed: 2), outputs: 1, name: "fc2")[0]
        return try b.graph(outputs: [scores])
    }

    private func trainer(_ model: Graph, partSize: Int = 0, noise: Double = 0) throws -> Trainer {
        var configuration = TrainingConfiguration(epochs: 3, batchSize: 16, learningRate: 0.1, optimizer: .sgd(momentum: 0.9), seed: 3)
        configuration.partSize = partSize
        configuration.keepsBest = false
        if noise > 0 { configuration.augmentation = Augmentation([AugmentationChange("noise", by: noise)]) }
        return try Trainer(model, configuration: configuration)
    }

    private func distance(_ name: ValueName, _ one: Graph, _ other: Graph) throws -> Float {
        let (a, b) = (try #require(one.initializers[name]).floats(), try #require(other.initializers[name]).floats())
        return zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    }

    /// What comes out is what the branch that is taken comes to with the layer before it frozen, whatever a step is made of.
    @Test(arguments: [false, true], ["plain", "parts", "noise", "last"])
    func layersBehindABranchTrainAsBehindTheOneThatIsTaken(isResidual: Bool, kind: String) throws {
        let (model, plain) = (try chosen(limit: 100, isResidual: isResidual), try chosen(limit: nil, isResidual: isResidual))
        let data = try quadrants(count: kind == "last" ? 70 : 64)
        func train(_ model: Graph, frozen: Set<ValueName>) throws -> TrainingResult {
            var trainer = try trainer(model, partSize: kind == "parts" ? 8 : 0, noise: kind == "noise" ? 0.2 : 0)
            trainer.frozen = frozen
            return try trainer.train(on: data, validation: data.subset(0..<20))
        }
        let result = try train(model, frozen: [])
        let reference = try train(plain, frozen: ["fc1.weight", "fc1.bias"])
        #expect(Set(result.parameters) == ["fc2.weight", "fc2.bias"])
        #expect(result.held.mapValues(\.name) == ["fc1.weight": "choice", "fc1.bias": "choice"])
        #expect(result.model.nodes.map(\.name) == model.nodes.map(\.name))
        for name in ["fc1.weight", "fc1.bias"] { #expect(result.model.initializers[name] == model.initializers[name]) }
        for name in result.parameters {
            #expect(try distance(name, result.model, reference.model) < 1e-5)
            #expect(try distance(name, result.model, model) > 1e-3)
        }
        for (one, other) in zip(result.history, reference.history) {
            #expect(abs(one.loss - other.loss) < 1e-5 && one.validationTop1 == other.validationTop1)
        }
    }

    /// Each batch goes through the branch that it asks for: the loss before anything is learned is that of the whole model.
    @Test func everyBatchTakesItsOwnBranch() throws {
        let data = try quadrants(count: 16)
        let losses = try ([-100, 0.5, 100] as [Float]).map { limit -> Double in
            var trainer = try trainer(chosen(limit: limit))
            trainer.configuration.batchSize = 1
            trainer.configuration.epochs = 1
            trainer.configuration.learningRate = 0
            let loss = try trainer.train(on: data).history[0].loss
            let evaluation = try Evaluation(of: trainer.model, on: data, batchSize: 1)
            #expect(abs(loss - evaluation.loss) < 1e-5)
            return loss
        }
        #expect(Set(losses).count == 3)
    }

    /// A weight that decides which branch is taken and is read behind it too stays: else the decision would be another.
    @Test func whatADecisionReadsStays() throws {
        let b = GraphBuilder("decided")
        let x = try b.input("x", .float32, ["N", 2])
        let shared = b.constant("shared", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
        let type = ValueType(.float32, ["N", 2])
        let choice = If(then: try branch("yes", Neg(), [(x, type)]), else: try branch("no", Relu(), [(x, type)]))
        let chosen = try b.add(choice, isAbove(1, b, b.add(MatMul(), x, shared)), name: "choice")
        let own = b.constant("own", Tensor([1, 0.5, -0.5, 1] as [Float], shape: [2, 2]))
        let model = try b.graph(outputs: [b.add(MatMul(), b.add(MatMul(), chosen, shared), own)])
        let result = try trainer(model).train(on: quadrants(count: 64))
        #expect(result.parameters == ["own"] && result.held.mapValues(\.name) == ["shared": "choice"])
        #expect(result.model.initializers["shared"] == model.initializers["shared"])
    }

    /// Rounds of a Loop whose number the data tell, each of which reads a weight of the graph around.
    @Test func layersBehindALoopTrain() throws {
        let b = GraphBuilder("rounds")
        let x = try b.input("x", .float32, ["N", 2])
        let square = b.constant("square", Tensor([1, 0.1, 0.1, 1] as [Float], shape: [2, 2]))
        let body = try Graph(
            name: "body",
            inputs: [
                GraphInput("round", ValueType(.int64, [Extent]())), GraphInput("go", ValueType(.bool, [Extent]())),
                GraphInput("state", ValueType(.float32, ["N", 2])),
            ],
            outputs: ["go.next", "state.next"],
            nodes: [
                Node(name: "same", op: Identity(), inputs: ["go"], outputs: ["go.next"]),
                Node(name: "turn", op: MatMul(), inputs: ["state", square], outputs: ["state.next"]),
            ], captures: [square: ValueType(.float32, [2, 2])])
        let sizes = try b.add(Ceil(), b.add(Abs(), b.add(Mul(), x, b.constant("rate", Tensor(scalar: Float(2.5))))))
        let count = try b.add(Cast(to: .int64), b.add(ReduceMax(keepsAxes: false), sizes))
        let turned = try b.add(Loop(body), inputs: [count, nil, x], outputs: 1, name: "rounds")[0]
        let scores = try b.add(layer, inputs: [turned] + weights(b, "fc", 2, 2, seed: 2), outputs: 1, name: "fc")[0]
        let model = try b.graph(outputs: [scores])
        let result = try trainer(model).train(on: quadrants(count: 70))
        #expect(Set(result.parameters) == ["fc.weight", "fc.bias"] && result.held.mapValues(\.name) == ["square": "rounds"])
        #expect(try distance("fc.weight", result.model, model) > 1e-3)
    }

    private struct Change: TrainingHook {
        let variables: Set<ValueName>
        mutating func step(_ moment: inout TrainingMoment) throws {}
    }

    /// What a pass changes between steps cannot stand before it, whose weights stay.
    @Test func whatHooksChangeCannotStandBefore() throws {
        var trainer = try trainer(chosen(limit: 0.5))
        trainer.hooks = [Change(variables: ["fc2.bias"])]
        #expect(try Set(trainer.train(on: quadrants(count: 64)).parameters) == ["fc2.weight", "fc2.bias"])
        trainer.hooks = [Change(variables: ["fc1.bias"])]
        let error = #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64)) }
        #expect(error?.subject == "node choice" && error?.problem.contains("fc1.bias") == true)
    }

    /// Where nothing behind it is to be trained, it says which node is in the way.
    @Test(arguments: ["frozen", "captured"]) func nothingBehindIsSaid(_ kind: String) throws {
        var model = try chosen(limit: 0.5)
        if kind == "captured" {
            let b = GraphBuilder("captured")
            let x = try b.input("x", .float32, ["N", 2])
            let weight = b.constant("fc2.weight", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
            let captured = [(x, ValueType(.float32, ["N", 2])), (weight, ValueType(.float32, [2, 2]))]
            let choice = If(then: try branch("yes", MatMul(), captured), else: try branch("no", Sub(), [captured[0], captured[0]]))
            model = try b.graph(outputs: [b.add(choice, isAbove(0.5, b, x), name: "choice")])
        }
        var trainer = try trainer(model)
        if kind == "frozen" { trainer.frozen = ["fc2.weight", "fc2.bias"] }
        let error = #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64)) }
        #expect(error?.subject == "node choice" && error?.problem.contains("layers behind it alone could be trained") == true)
        #expect(error?.kind == .unsupported)
    }
}
