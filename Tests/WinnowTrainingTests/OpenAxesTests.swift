import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Extents that a model leaves open come from the data, in training too.
@Suite struct OpenAxesTests {
    /// A classifier of samples [4, 6, 3] or [4, 6] whose gradients need extents.
    enum Model: String, CaseIterable {
        case recurrent, gated, shuffled, contracted, headed, joined, projected, causal, triangular, picked

        func graph(_ first: Extent, _ second: Extent) throws -> Graph {
            let b = GraphBuilder(rawValue)
            var random = RandomGenerator(seed: 3)
            func weight(_ name: String, _ shape: Shape) -> ValueName {
                b.constant(name, Tensor((0..<shape.elementCount).map { _ in random.uniform() - 0.5 }, shape: shape))
            }
            let x = try b.input("x", .float32, ["N", first, second, 3])
            let features: ValueName
            let steps = try b.add(ReduceMean(axes: [2], keepsAxes: false), x)
            switch self {
            case .recurrent, .gated:
                let gates = self == .recurrent ? 4 : 3
                let parameters = RecurrentParameters(hiddenSize: 5)
                let layer: any Operator = self == .recurrent ? LSTM(parameters) : GRU(parameters)
                let outputs = try b.add(
                    layer, inputs: [b.add(Transpose([1, 0, 2]), steps), weight("w", [1, gates * 5, 3]), weight("r", [1, gates * 5, 5])],
                    outputs: 2)
                features = try b.add(Squeeze(), outputs[1], b.constant("axes", Tensor([Int64(0)])))
            case .shuffled:
                let channels = try b.add(
                    Conv(), b.add(Transpose([0, 3, 1, 2]), x), weight("w", [20, 3, 1, 1]))
                features = try b.add(ReduceMean(axes: [2, 3], keepsAxes: false), b.add(DepthToSpace(blockSize: 2), channels))
            case .contracted:
                let sums = try b.add(Einsum("nhwc,nhwd->nhcd"), x, b.add(MatMul(), x, weight("w", [3, 5])))
                features = try b.add(ReduceMean(axes: [1, 2], keepsAxes: false), sums)
            case .headed:
                let heads = try b.add(Einsum("nhwc,cde->nhwde"), x, weight("w", [3, 2, 4]))
                features = try b.add(ReduceMean(axes: [1, 2], keepsAxes: false), b.add(Einsum("nhwde,dec->nhwc"), heads, weight("v", [2, 4, 5])))
            case .joined:
                let twice = try b.add(Concat(axis: 1), inputs: [x, b.add(MatMul(), x, weight("w", [3, 3]))])[0]
                features = try b.add(ReduceMean(axes: [1, 2], keepsAxes: false), b.add(MatMul(), b.add(Tanh(), twice), weight("v", [3, 5])))
            case .projected:
                let heads = try b.add(Einsum("bnd,dhk->bhnk"), steps, weight("w", [3, 2, 4]))
                let seen = try b.add(Softmax(), b.add(Einsum("bhnk,bhmk->bhnm"), heads, heads))
                features = try b.add(
                    ReduceMean(axes: [1], keepsAxes: false), b.add(Einsum("bhnm,bhmk,hkd->bnd"), seen, heads, weight("v", [2, 4, 5])))
            case .causal:
                let wide = try b.add(MatMul(), steps, weight("w", [3, 6]))
                let attended = try b.add(Attention(isCausal: true, queryHeads: 2, keyHeads: 2), wide, wide, wide)
                features = try b.add(ReduceMean(axes: [1], keepsAxes: false), b.add(MatMul(), attended, weight("v", [6, 5])))
            case .triangular:
                let wide = try b.add(MatMul(), steps, weight("w", [3, 5]))
                let scores = try b.add(Trilu(keepsUpper: false), b.add(MatMul(), wide, b.add(Transpose([0, 2, 1]), wide)))
                features = try b.add(ReduceMean(axes: [1], keepsAxes: false), b.add(MatMul(), scores, wide))
            case .picked:
                let best = try b.add(ArgMax(axis: 1), b.add(ReduceMean(axes: [2], keepsAxes: false), steps))
                features = try b.add(GatherND(batchRank: 1), b.add(MatMul(), steps, weight("w", [3, 5])), best)
            }
            return try b.graph(outputs: [b.add(MatMul(), features, weight("head", [5, 2]))])
        }
    }

    @Test(arguments: Model.allCases) func trainLikeFixedOnes(model: Model) throws {
        var random = RandomGenerator(seed: 9)
        let samples = Tensor((0..<(20 * 4 * 6 * 3)).map { _ in 2 * random.uniform() - 1 }, shape: [20, 4, 6, 3])
        let data = try Dataset([.init(samples)], labels: (0..<20).map { $0 % 2 })
        let configuration = TrainingConfiguration(epochs: 2, batchSize: 8, learningRate: 0.01, seed: 1)
        let trained = try [("H", "W"), (4, 6)].map { (axes: (Extent, Extent)) in
            try Trainer(model.graph(axes.0, axes.1), configuration: configuration).train(on: data)
        }
        #expect(trained[0].parameters.sorted() == trained[1].parameters.sorted() && trained[0].parameters.count >= 2)
        for name in trained[0].parameters {
            let (open, fixed) = (try #require(trained[0].model.initializers[name]), try #require(trained[1].model.initializers[name]))
            #expect(zip(open.floats(), fixed.floats()).allSatisfy { abs($0 - $1) < 1e-5 }, "\(name)")
        }
    }
}

extension OpenAxesTests {
    /// Infinities hide what attention must not see; they are no weights.
    @Test func infinitiesAreNotTrained() throws {
        let b = GraphBuilder("masked")
        let x = try b.input("x", .float32, ["N", 2])
        let hidden = b.constant("hidden", Tensor([-Float.infinity, 0], shape: [1, 2]))
        let scores = try b.add(b.add(Softmax(), b.add(x, hidden)), b.add(MatMul(), x, b.constant("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))))
        let result = try Trainer(b.graph(outputs: [scores]), configuration: TrainingConfiguration(epochs: 1, batchSize: 8, seed: 1))
            .train(on: quadrants(count: 16))
        #expect(result.parameters == ["w"])
    }
}

extension OpenAxesTests {
    /// A model of a fixed batch is trained in batches of that size; what is left of an epoch waits for the next.
    @Test func aFixedBatchIsKept() throws {
        let b = GraphBuilder("fixed")
        let x = try b.input("x", .float32, [4, 2])
        let scores = try b.add(MatMul(), x, b.constant("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])))
        let trainer = try Trainer(
            b.graph(outputs: [scores]), configuration: TrainingConfiguration(epochs: 2, batchSize: 128, seed: 1))
        #expect(try trainer.train(on: quadrants(count: 18)).parameters == ["w"])
        let error = #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 3)) }
        #expect(error?.description.contains("less than one batch of 4") == true)
    }
}
