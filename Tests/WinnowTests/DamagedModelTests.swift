import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
import WinnowTestSupport

@testable import Winnow

/// Models with damage that can still be read go through what commands do with them, and through passes: each works or is refused.
///
/// `WINNOW_FUZZ_RUN=1000000` makes a campaign of so many damaged models (`Campaign`).
@Suite(.serialized) struct DamagedModelTests {
    private static let campaign = Campaign("WINNOW_FUZZ_RUN", count: 4000)
    private static let secondsLimit = 10.0
    private static let elementLimit = 1 << 16

    @Test(.timeLimit(.minutes(6000))) func neitherTrapNorHang() throws {
        let budget = MemoryBudget.byteCount
        MemoryBudget.byteCount = 256 << 20
        defer { MemoryBudget.byteCount = budget }
        let (cases, networks) = (Self.cases(), try Self.networks())
        try #require(!cases.isEmpty)
        let words = Array(Set((cases + networks).flatMap { WireMessage($0)?.words ?? [] })).sorted { $0.lexicographicallyPrecedes($1) }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-damaged-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let watchdog = Watchdog(secondsLimit: 30, memoryLimit: 2 << 30)
        var (loaded, ran) = (0, 0)
        var slowest = (seconds: 0.0, name: "")
        for round in Self.campaign.rounds {
            var random = try Self.campaign.begin(round)
            let originals = round % 3 == 0 ? networks : cases
            let bytes = Self.damaged(originals[round / 3 % originals.count], words, &random)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            guard let model = try Self.attempt({ try Model(reading: path) }) else { continue }
            loaded += 1
            for stage in Self.stages(round) {
                let name = "\(Self.campaign.describe(round)), \(stage.name)"
                let seconds = try watchdog.seconds(name) {
                    let isDone = try Self.attempt { try stage.work(model) } != nil
                    if isDone, stage.name == "run" { ran += 1 }
                }
                if seconds > slowest.seconds { slowest = (seconds, name) }
            }
        }
        let count = Self.campaign.rounds.count
        print("damaged models: \(count) tried, \(loaded) read, \(ran) ran, slowest \(slowest)")
        #expect(slowest.seconds < Self.secondsLimit, "\(slowest.name)")
        #expect(ran > count / 20 && loaded < count)
    }

    /// What `body` gives; nil where it refuses in words.
    private static func attempt<Result>(_ body: () throws -> Result) throws -> Result? {
        do { return try body() } catch let error as WinnowError {
            #expect(!error.problem.isEmpty)
            return nil
        }
    }

    private struct Stage {
        var name: String
        var work: (Model) throws -> Void
    }

    /// Reading on, running, and two passes, all in turn.
    private static func stages(_ round: Int) -> [Stage] {
        let passes = PassCatalogue.all.map { type in Stage(name: type.name) { try apply(type, to: $0) } }
        let chosen = (0..<2).map { passes[(2 * round + $0) % passes.count] }
        return [Stage(name: "inspect", work: inspect), Stage(name: "run", work: run), Stage(name: "compare", work: compare)] + chosen
    }

    private static func inspect(_ model: Model) throws {
        let summary = try ModelSummary(model.graph, tensors: true)
        #expect(!(summary.text + summary.dot + model.graph.text).isEmpty)
        #expect(ModelDifference(model.graph, model.graph).text == "the graphs are equal")
        _ = try JSONEncoder.tolerant.encode(summary)
        try ONNXFile.encode(model.graph) { _ in }
    }

    private static func run(_ model: Model) throws { _ = try Session(model.graph).run(inputs(of: model, batchSize: 1)) }

    private static func compare(_ model: Model) throws {
        let inputs = try inputs(of: model, batchSize: 2)
        _ = try Divergence(model.graph, model.graph, on: inputs, tolerance: 0.001)
        if let data = try data(for: model) { _ = try Evaluation(of: model.graph, on: data) }
    }

    /// A pass with settings that take little time, on four samples.
    private static func apply(_ type: any Pass.Type, to model: Model) throws {
        let known = Set(type.init().hyperparameterDescriptions.map(\.name))
        let quick: [String: HyperparameterValue] = ["epochs": 1, "finetune": ["epochs": 1, "batch-size": 2], "rounds": 1, "steps": 1]
        let pass = try type.init(hyperparameters: quick.filter { known.contains($0.key) })
        let data = try data(for: model)
        var context = PassContext(calibration: data, training: data, validation: data, seed: 1)
        context.teacher = model.graph
        let result = try pass(model.graph, in: context)
        try ONNXFile.encode(result.graph) { _ in }
    }

    private static func inputs(of model: Model, batchSize: Int) throws -> [String: Tensor] {
        let shapes = try InputShapes().completed(for: model.graph, batchSize: batchSize)
        guard shapes.values.allSatisfy({ $0.elementCount < elementLimit }) else {
            throw WinnowError(.data, "inputs", "are too large for a test")
        }
        return try RandomInputs(seed: 0).inputs(for: model.graph, batchSize: batchSize)
    }

    /// Four samples of two classes; nil where inputs do not count samples.
    private static func data(for model: Model) throws -> Dataset? {
        let inputs = try inputs(of: model, batchSize: 4)
        let count = inputs.values.first?.shape.first ?? 0
        guard count < elementLimit else { return nil }
        return try? Dataset(inputs.sorted { $0.key < $1.key }.map { .init(name: $0.key, $0.value) }, labels: (0..<count).map { $0 % 2 })
    }

    private static func damaged(_ bytes: [UInt8], _ words: [[UInt8]], _ random: inout RandomGenerator) -> [UInt8] {
        guard Int.random(in: 0..<8, using: &random) > 0, var message = WireMessage(bytes) else {
            return Mutation.damage(bytes, with: words.randomElement(using: &random) ?? [], &random)
        }
        for _ in 0..<Int.random(in: 1...5, using: &random) { message.change(words, &random) }
        return message.bytes
    }

    /// ONNX's own small cases, but for loops, which may be told to run for ever.
    private static func cases() -> [[UInt8]] {
        let roots = ["/usr/share/libonnx-testdata/data", ".deps/usr/share/libonnx-testdata/data"]
        return roots.flatMap { root -> [[UInt8]] in
            let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
            return files.filter { $0.hasSuffix("model.onnx") && !$0.contains("loop") }.sorted().compactMap { file in
                guard let data = FileManager.default.contents(atPath: "\(root)/\(file)"), data.count < 20_000 else { return nil }
                return Array(data)
            }
        }
    }

    /// Small networks that passes have something to do on, as they are, masked, in integers and in palettes.
    private static func networks() throws -> [[UInt8]] {
        try [convolutional(), perceptron()].flatMap { graph -> [[UInt8]] in
            let model = Model(graph)
            let data = try data(for: model)
            let changed = try ["magnitude-pruning", "static-quantization", "weight-only-quantization", "palettization", "dynamic-quantization"].map {
                try PassStep(named: $0).pass(graph, in: PassContext(calibration: data)).graph
            }
            return try ([graph] + changed).map { try ONNXFile.bytes($0) }
        } + [ONNXFile.bytes(packed())]
    }

    private static func weights(_ shape: Shape, _ seed: UInt64) -> Tensor {
        var random = RandomGenerator(seed: seed)
        return Tensor((0..<shape.elementCount).map { _ in random.normal() * 0.3 }, shape: shape)
    }

    private static func convolutional() throws -> Graph {
        let b = GraphBuilder("convolutional")
        var x = try b.input("image", .float32, ["N", 2, 6, 6])
        x = try b.conv(x, b.constant("w1", weights([4, 2, 3, 3], 1)), b.constant("b1", weights([4], 2)), padding: 1, name: "conv1")
        x = try b.batchNormalization(x, name: "norm")
        x = try b.maxPool(b.add(Relu(), x), size: 2)
        x = try b.conv(x, b.constant("w2", weights([4, 1, 3, 3], 3)), padding: 1, groups: 4, name: "conv2")
        x = try b.add(Flatten(), b.add(GlobalAveragePool(), x))
        return try b.graph(outputs: [b.linear(x, b.constant("w3", weights([3, 4], 4)), b.constant("b3", weights([3], 5)), name: "fc")])
    }

    private static func perceptron() throws -> Graph {
        let b = GraphBuilder("perceptron")
        var x = try b.input("x", .float32, ["N", 5])
        for (index, (from, to)) in [(5, 6), (6, 4), (4, 3)].enumerated() {
            x = try b.add(MatMul(), x, b.constant("w\(index)", weights([from, to], UInt64(index + 6))), name: "product\(index)")
            x = try b.add(Add(), x, b.constant("b\(index)", weights([to], UInt64(index + 9))))
            if index < 2 { x = try b.add(Gelu(), x) }
        }
        return try b.graph(outputs: [b.add(Softmax(), x)])
    }
}

extension DamagedModelTests {
    /// Rows and a matrix in ONNX Runtime's own operators, in which attributes say how many codes there are.
    private static func packed() throws -> Graph {
        func bytes(_ shape: Shape) -> Tensor { Tensor((0..<shape.elementCount).map { UInt8($0 * 37 % 256) }, shape: shape) }
        func scales(_ shape: Shape) -> Tensor { Tensor([Float](repeating: 0.1, count: shape.elementCount), shape: shape) }
        let b = GraphBuilder("packed")
        let rows = try b.add(
            GatherBlockQuantized(blockSize: 16),
            inputs: [b.constant("table", bytes([5, 10])), b.input("places", .int64, ["N"]), b.constant("table.scales", scales([5, 2]))])[0]
        let product = try b.add(
            MatMulNBits(depth: 20, columns: 6, blockSize: 16),
            inputs: [rows, b.constant("matrix", bytes([6, 2, 8])), b.constant("matrix.scales", scales([12]))])[0]
        return try b.graph(outputs: [b.linear(b.add(Relu(), product), b.constant("w", weights([3, 6], 12)), name: "fc")])
    }
}

extension JSONEncoder {
    fileprivate static var tolerant: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }
}
