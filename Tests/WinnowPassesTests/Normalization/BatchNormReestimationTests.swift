import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import WinnowPasses

struct BatchNormReestimationTests {
    /// The values of a place of a graph for all samples, by channel.
    private func channels(_ value: ValueName, of graph: Graph, on data: Dataset) throws -> [[Double]] {
        var edit = GraphEdit()
        edit.outputs = [value]
        let output = try #require(try Session(graph.applying(edit)).run(data.batch(at: Array(0..<data.count)))[value])
        let (numbers, count, inner) = (output.doubles(), output.shape[1], output.shape.dropFirst(2).reduce(1, *))
        return (0..<count).map { channel in numbers.indices.filter { $0 / inner % count == channel }.map { numbers[$0] } }
    }

    private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
    }

    /// On the one batch that gave the statistics, every normalization gives its shift as mean and its scale as deviation, but for ε.
    @Test func theSamplesAreNormalized() throws {
        let graph = try TestModels.residual()
        var context = try TestModels.context(for: graph)
        let data = try context.calibrationData(for: graph)
        context.calibration = data
        let result = try BatchNormReestimation { $0.batchSize = data.count }(graph, in: context)
        for node in result.graph.nodes where node.op is BatchNormalization {
            let (scale, shift) = (
                try #require(graph.initializers[node.inputs[1]]).doubles(),
                try #require(graph.initializers[node.inputs[2]]).doubles()
            )
            let stored = try #require(result.graph.initializers[node.inputs[4]]).doubles()
            for (channel, values) in try channels(node.outputs[0], of: result.graph, on: data).enumerated() {
                let (mean, variance) = moments(values)
                let wanted = scale[channel].magnitude * (stored[channel] / (stored[channel] + 1e-5)).squareRoot()
                #expect(abs(mean - shift[channel]) < 1e-3 && abs(variance.squareRoot() - wanted) < 1e-3, "\(node.name) \(channel)")
            }
        }
    }

    /// Files often store equal vectors once. What is gathered goes into copies, and everything else reads what it did.
    @Test func whatIsStoredOnceIsGatheredApart() throws {
        func model(once: Bool) throws -> Graph {
            let b = GraphBuilder("once")
            var stored: [Float: ValueName] = [:]
            func vector(_ name: String, _ value: Float) -> ValueName {
                if once, let known = stored[value] { return known }
                stored[value] = b.constant(name, Tensor([Float](repeating: value, count: 4)))
                return stored[value] ?? name
            }
            var x = try b.input("x", .float32, ["N", 4, 6, 6])
            for layer in 0..<3 {
                x = try b.conv(x, b.constant("w\(layer)", TestModels.normal([4, 4, 3, 3], seed: UInt64(layer + 1))), padding: 1)
                let vectors = [("scale", 1), ("shift", 0), ("mean", 0), ("variance", 1)].map { vector("\($0)\(layer)", Float($1)) }
                x = try b.add(Relu(), b.add(BatchNormalization(), inputs: [x] + vectors)[0])
            }
            return try b.graph(outputs: [b.add(Flatten(), b.add(GlobalAveragePool(), x))])
        }
        let (once, apart) = (try model(once: true), try model(once: false))
        let inputs = ["x": TestModels.normal([64, 4, 6, 6], seed: 9)]
        let data = try Dataset([.init(name: "x", inputs["x"] ?? Tensor(zeros: [1]))], labels: (0..<64).map { $0 % 4 })
        let context = PassContext(calibration: data, training: data)
        let passes: [any Pass] = [BatchNormReestimation(), try Finetune(hyperparameters: ["epochs": 1, "keep-best": false, "learning-rate": 1e-12])]
        for pass in passes {
            let graphs = try [once, apart].map { try pass($0, in: context).graph }
            try WrittenModels.keep(graphs[0], "passes", "\(type(of: pass).name) stored once")
            let results = try graphs.map { try Session($0).run(inputs) }
            for (name, value) in zip(apart.outputNames, results[1].values) {
                #expect(value.relativeError(of: try #require(results[0].values.first)) < 1e-6, "\(type(of: pass)) \(name)")
            }
        }
        #expect(try once.separatingStatistics().initializers.count == once.initializers.count + 6)
        #expect(try apart.separatingStatistics().initializerNames == apart.initializerNames)
    }

    /// One layer met twice keeps one mean, also where that was stored with its shift.
    @Test(arguments: [false, true]) func oneLayerMetTwiceStaysOne(_ isStoredOnce: Bool) throws {
        let b = GraphBuilder("twins")
        let apart = (0..<4).map { b.constant("v\($0)", Tensor([Float](repeating: 1, count: 4))) }
        let vectors = isStoredOnce ? [apart[0], apart[1], apart[1], apart[0]] : apart
        let weight = b.constant("w", TestModels.normal([4, 4]))
        let sides = try ["a", "b"].map { name in
            try b.add(BatchNormalization(), inputs: [b.add(MatMul(), b.input(name, .float32, ["N", 4]), weight)] + vectors)[0]
        }
        let graph = try b.graph(outputs: sides)
        #expect(try Set(graph.separatingStatistics().nodes.flatMap { $0.inputs.dropFirst(3) }).count == 2)
    }

    /// A mean and a variance that one tensor stores are told apart, whoever asks for the training form.
    @Test func aMeanThatIsTheVarianceTrains() throws {
        let b = GraphBuilder("same")
        let vectors = (0..<3).map { b.constant("v\($0)", Tensor([Float](repeating: 1, count: 4))) }
        let x = try b.add(MatMul(), b.input("x", .float32, ["N", 6]), b.constant("w", TestModels.normal([6, 4])))
        let y = try b.add(BatchNormalization(), inputs: [x] + vectors + [vectors[2]])[0]
        let graph = try b.graph(outputs: [y])
        #expect(try graph.trainingForm().updates.count == 2)
        let inputs = ["x": TestModels.normal([32, 6])]
        let result = try StaticQuantization()(graph, in: StrangeWeights.context(inputs)).graph
        #expect(try StrangeWeights.distance(graph, result, on: inputs) < 0.03)
    }

    /// Means over batches, of which the one that is not full does not count.
    @Test func batchesAreAveraged() throws {
        let graph = try TestModels.residual()
        var context = try TestModels.context(for: graph)
        let data = try TestModels.dataset(for: graph, count: 40)
        context.calibration = data
        let result = try BatchNormReestimation { $0.batchSize = 16 }(graph, in: context).graph
        let place = try #require(graph.node(named: "stem.norm"))
        let batches = try [0..<16, 16..<32].map { try channels(place.inputs[0], of: graph, on: data.subset($0)).map(moments) }
        for channel in 0..<8 {
            let mean = batches.reduce(0) { $0 + $1[channel].mean } / 2
            let variance = batches.reduce(0) { $0 + $1[channel].variance } / 2
            #expect(abs(try #require(result.initializers[place.inputs[3]]).doubles()[channel] - mean) < 1e-5)
            #expect(abs(try #require(result.initializers[place.inputs[4]]).doubles()[channel] - variance) < 1e-4)
        }
    }

    @Test func onlyStatisticsChange() throws {
        for graph in try TestModels.all {
            let result = try BatchNormReestimation()(graph, in: TestModels.context(for: graph))
            let statistics = Set(graph.nodes.filter { $0.op is BatchNormalization }.flatMap { $0.inputs[3...4] })
            #expect(result.graph.text == graph.text)
            for (name, tensor) in graph.initializers {
                #expect((result.graph.initializers[name] != tensor) == statistics.contains(name), "\(graph.name) \(name)")
            }
            let says = result.findings.contains {
                $0.subject == "graph" && $0.status == .skipped && $0.reason.contains("BatchNormalization")
            }
            #expect(says == statistics.isEmpty, "\(graph.name)")
        }
    }

    /// A normalization that two places share has the mean of both.
    @Test func sharedStatisticsAreMeansOverTheirReaders() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, ["N", 4])
        let names = [("scale", 1), ("shift", 0), ("mean", 9), ("variance", 4)].map {
            b.constant($0.0, Tensor(repeating: Float($0.1), shape: [4]))
        }
        let double = try b.add(Add(), x, x, name: "double")
        let sides = try [x, double].enumerated().map {
            try b.add(BatchNormalization(), inputs: [$1] + names, name: "norm\($0)")[0]
        }
        let graph = try b.graph(outputs: [b.add(Add(), sides[0], sides[1], name: "y")])
        let samples = TestModels.normal([32, 4])
        var context = PassContext(calibration: try Dataset([.init(name: "x", samples)]))
        context.seed = 1
        let mean = try #require(try BatchNormReestimation()(graph, in: context).graph.initializers["mean"]).doubles()
        for channel in 0..<4 {
            let own = moments(samples.doubles().enumerated().filter { $0.offset % 4 == channel }.map(\.element)).mean
            #expect(abs(mean[channel] - 1.5 * own) < 1e-5)
        }
    }
}
