import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
import WinnowTraining
@testable import Winnow

/// What `winnow train` does not train, it names.
@Suite struct UntrainedTests {
    @Test func areToldWithTheReason() throws {
        let b = GraphBuilder("mixed")
        let x = try b.input("input", .float32, ["N", 4])
        let coded = b.constant("coded", Tensor((0..<16).map { Float($0) / 16 }, shape: [4, 4]).converted(to: .float8E4M3FN))
        let h = try b.add(MatMul(), x, b.add(Cast(to: .float32), coded))
        let y = try b.add(MatMul(), h, b.constant("w", Tensor((0..<12).map { Float($0) / 12 }, shape: [4, 3])))
        let model = Model(try b.graph(outputs: [y]))
        var random = RandomGenerator(seed: 3)
        let samples = Tensor((0..<64).map { _ in random.normal() }, shape: [16, 4])
        let data = DataSplits(training: try Dataset([.init(name: "input", samples)], labels: (0..<16).map { $0 % 3 }))
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        let training = ModelTraining(TrainingConfiguration(epochs: 1, batchSize: 8, learningRate: 0.01))
        let summary = try training(model, output: output, data: data, source: "data", cancellation: Cancellation()) { _ in }
        #expect(summary.untrained.map(\.subject) == ["coded"])
        #expect(summary.description.hasPrefix("coded: skipped (it is \(ElementType.float8E4M3FN): training leaves that as it is)\n\(output): the state after epoch 1"))
    }
}
