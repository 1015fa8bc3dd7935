import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowPasses
import WinnowTensor
import WinnowTestSupport

@testable import Winnow

/// Models with damage that can still be read are planned, run and compressed: each works or is refused.
///
/// `WINNOW_FUZZ_RUN=1000000` sets how many damaged models are tried (default 4,000); `WINNOW_FUZZ_SEED` which.
@Suite(.serialized) struct DamagedModelTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["WINNOW_FUZZ_RUN"].flatMap(Int.init) ?? 4000
    private static let seed = environment["WINNOW_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    private static let secondsLimit = 10.0
    private static let elementLimit = 1 << 20

    @Test(.timeLimit(.minutes(60))) func neitherTrapNorHang() throws {
        let originals = Self.corpus()
        try #require(!originals.isEmpty)
        let words = Array(Set(originals.flatMap { WireMessage($0)?.words ?? [] })).sorted { $0.lexicographicallyPrecedes($1) }
        var random = RandomGenerator(seed: Self.seed)
        var (loaded, ran) = (0, 0)
        var slowest = (seconds: 0.0, round: 0)
        // The last file stays where a trap ends the process.
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-damaged-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for round in 0..<Self.count {
            let bytes = Self.damaged(originals[round % originals.count], words, &random)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let start = ContinuousClock.now
            do {
                let model = try Model(reading: path)
                loaded += 1
                try Self.compress(model)
                try Self.run(model)
                ran += 1
            } catch let error as WinnowError { #expect(!error.problem.isEmpty) }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            if seconds > slowest.seconds { slowest = (seconds, round) }
        }
        print("damaged models: \(Self.count) tried, \(loaded) read, \(ran) ran, slowest \(slowest)")
        #expect(slowest.seconds < Self.secondsLimit)
        #expect(ran > Self.count / 20 && loaded < Self.count)
    }

    private static func compress(_ model: Model) throws {
        for name in ["weight-only-quantization", "magnitude-pruning", "fold-constants"] {
            let pass = try PassStep(named: name, hyperparameters: [:]).pass
            do { _ = try pass.apply(to: model.graph, in: PassContext()) } catch let error as WinnowError {
                #expect(!error.problem.isEmpty)
            }
        }
    }

    private static func run(_ model: Model) throws {
        let shapes = model.graph.sampleShapes(batchSize: 1)
        guard shapes.values.allSatisfy({ $0.elementCount < elementLimit }) else { return }
        let inputs = try RandomInputs(seed: 0).inputs(for: model.graph, batchSize: 1)
        let options = SessionOptions(memoryLimit: 256 << 20)
        _ = try Session(model.graph, options: options).run(inputs)
    }

    private static func damaged(_ bytes: [UInt8], _ words: [[UInt8]], _ random: inout RandomGenerator) -> [UInt8] {
        guard Int.random(in: 0..<8, using: &random) > 0, var message = WireMessage(bytes) else {
            return Mutation.damage(bytes, with: words.randomElement(using: &random) ?? [], &random)
        }
        for _ in 0..<Int.random(in: 1...5, using: &random) { message.change(words, &random) }
        return message.bytes
    }

    /// ONNX's own small cases, but for loops, which may be told to run for ever.
    private static func corpus() -> [[UInt8]] {
        let roots = ["/usr/share/libonnx-testdata/data", ".deps/usr/share/libonnx-testdata/data"]
        return roots.flatMap { root -> [[UInt8]] in
            let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
            return files.filter { $0.hasSuffix("model.onnx") && !$0.contains("loop") }.sorted().compactMap { file in
                guard let data = FileManager.default.contents(atPath: "\(root)/\(file)"), data.count < 20_000 else { return nil }
                return Array(data)
            }
        }
    }
}
