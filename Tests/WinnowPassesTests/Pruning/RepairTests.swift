import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Layers that make up for what they lost, without training.
struct RepairTests {
    /// How far the outputs of a pruned model are from those of the original.
    private func error(_ pass: some Pass, _ graph: Graph, _ context: PassContext) throws -> Double {
        let x = try #require(context.calibration).features[0].tensor
        let before = Tensor(try TestModels.predictions(of: graph, on: x).flatMap { $0 })
        let after = try TestModels.predictions(of: pass(graph, in: context).graph, on: x).flatMap { $0 }
        return before.relativeError(of: Tensor(after))
    }

    private static let methods = ["none", "bias", "ridge"]

    @Test(arguments: [TestModels.perceptron, TestModels.convolutional] as [@Sendable (UInt64) throws -> Graph])
    func eachMethodIsNearer(make: @Sendable (UInt64) throws -> Graph) throws {
        let graph = try make(1)
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 256))
        let elements = try Self.methods.map {
            try error(MagnitudePruning(hyperparameters: ["repair": .string($0)]), graph, context)
        }
        let channels = try Self.methods.map {
            try error(StructuredPruning(hyperparameters: ["repair": .string($0), "sparsity": 0.3]), graph, context)
        }
        #expect(elements[0] > min(elements[1], elements[2]), "\(elements)")
        #expect(channels[0] > channels[1] && channels[1] > channels[2], "\(channels)")
    }

    /// Findings tell what a layer's outputs lost and got back; zeros stay zeros.
    @Test(arguments: [false, true]) func whatGoesStaysGone(keepsMask: Bool) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        func pruned(_ method: String) throws -> PassResult {
            try MagnitudePruning(hyperparameters: [
                "repair": .string(method), "keep-mask": .bool(keepsMask), "sparsity": 0.6,
            ])(graph, in: context)
        }
        let (plain, ridge) = (try pruned("none").graph.foldingMasks(), try pruned("ridge"))
        let repaired = try ridge.graph.foldingMasks()
        for name in ["fc1.weight", "fc2.weight", "fc3.weight"] {
            let (a, b) = (try #require(plain.initializers[name]).floats(), try #require(repaired.initializers[name]).floats())
            #expect(zip(a, b).allSatisfy { ($0 == 0) == ($1 == 0) } && a != b)
            let finding = try #require(ridge.findings.first { $0.subject == name && $0.quantity == .layerError })
            #expect(try #require(finding.after) < #require(finding.before))
        }
        try WrittenModels.keep(ridge.graph, "passes", "magnitude-pruning ridge \(keepsMask)")
    }

    /// Least squares of what is left are those that gradients say: no step along what stays makes the error smaller.
    @Test func leastSquaresAreLeast() throws {
        let graph = try TestModels.perceptron()
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 200))
        let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
        let layers = try LayerReconstruction.gather(for: targets, in: graph, context, sampleCount: 200)
        let layer = try #require(layers["fc2.weight"])
        let weight = layer.contraction.matrix(of: try #require(graph.initializers["fc2.weight"]))
        let moment = try #require(layer.whole)
        let fitted = try moment.leastSquares(weight, keeping: { ($0 + $1) % 3 > 0 }, damping: 1e-6)
        let slopes = (fitted - weight) * moment.matrix
        for row in 0..<weight.rows {
            for column in 0..<weight.columns {
                #expect((row + column) % 3 == 0 ? fitted[row, column] == 0 : abs(slopes[row, column]) < 0.05, "\(row) \(column)")
            }
        }
    }

    /// The means of every layer's outputs come back, if what comes before it stays.
    @Test func biasesTakeTheMean() throws {
        let graph = try TestModels.perceptron()
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 200))
        let pass = try MagnitudePruning(hyperparameters: ["repair": "bias", "only": ["fc3*"], "sparsity": 0.7])
        func means(_ model: Graph) throws -> [Float] {
            let rows = try TestModels.predictions(of: model, on: #require(context.calibration).features[0].tensor)
            return (0..<4).map { column in rows.reduce(0) { $0 + $1[column] } / Float(rows.count) }
        }
        let (before, after) = (try means(graph), try means(pass(graph, in: context).graph))
        #expect(zip(before, after).allSatisfy { abs($0 - $1) < 1e-4 }, "\(before) \(after)")
    }

    @Test(arguments: methods.dropFirst()) func everyModelGoesThrough(method: String) throws {
        for make in Zoo.all + TestModels.makers {
            let graph = try make()
            for remove in [true, false] {
                let passes: [any Pass] = [
                    try MagnitudePruning(hyperparameters: ["repair": .string(method), "keep-mask": .bool(remove)]),
                    try StructuredPruning(hyperparameters: ["repair": .string(method), "remove": .bool(remove)]),
                ]
                for pass in passes {
                    let place = "\(type(of: pass).name) \(method) \(remove) \(graph.name)"
                    let result = try pass(graph, in: Zoo.context(for: graph))
                    try WrittenModels.keep(result.graph, "passes", place)
                    for finding in result.findings where finding.status != .done { #expect(!finding.reason.isEmpty, "\(place)") }
                    for (name, tensor) in try Zoo.outputs(of: result.graph, like: graph) {
                        #expect(tensor.finiteness == nil, "\(place): \(name)")
                    }
                }
            }
        }
    }

    @Test func nothingLostIsNothingRepaired() throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let nothing: [String: HyperparameterValue] = ["repair": "ridge", "sparsity": 0]
        let passes: [any Pass] = [try MagnitudePruning(hyperparameters: nothing), try StructuredPruning(hyperparameters: nothing)]
        for pass in passes {
            let result = try pass(graph, in: context)
            #expect(result.graph.initializers == graph.initializers && result.graph.text == graph.text)
        }
    }
}
