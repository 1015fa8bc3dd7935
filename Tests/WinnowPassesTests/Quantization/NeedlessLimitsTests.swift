import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Relu and Clip before codes that have nothing beyond their limits.
struct NeedlessLimitsTests {
    /// x → Q → DQ → Conv(DQ(w)) → Relu or Clip from 0 → Q → DQ → y
    private func graph(upTo high: Float?, scale: Float, zeroPoint: UInt8) throws -> Graph {
        let b = GraphBuilder("limited")
        func pair(_ value: ValueName, _ name: String, _ scale: Float, _ zeroPoint: UInt8) throws -> ValueName {
            let parameters = [b.constant("\(name).scale", scalar: scale), b.constant("\(name).zero", scalar: zeroPoint)]
            let codes = try b.add(QuantizeLinear(), inputs: [value] + parameters)[0]
            return try b.add(DequantizeLinear(), inputs: [codes] + parameters)[0]
        }
        let codes = Tensor((0..<24).map { Int8($0 * 9 - 100) }, shape: [2, 3, 2, 2])
        let weight = try b.add(
            DequantizeLinear(), b.constant("w", codes), b.constant("w.scale", scalar: Float(0.01)), b.constant("w.zero", scalar: Int8(0)))
        let y = try b.conv(pair(b.input("x", .float32, ["N", 3, 4, 4]), "x", 0.02, 128), weight, name: "conv")
        let limited = try high.map { try b.clip(y, low: 0, high: Double($0)) } ?? b.add(Relu(), y)
        return try b.graph(outputs: [pair(limited, "y", scale, zeroPoint)])
    }

    /// As ONNX Runtime 1.31 fuses them: where the codes of the limits are the lowest and the highest. What is predicted is what is written.
    @Test func predictionsAndOperatorsAgree() throws {
        let profile = Chosen<ExportProfiles>(name: "onnxruntime").member
        let cases: [(high: Float?, scale: Float, zeroPoint: UInt8, isNeedless: Bool)] = [
            (6, 6 / 255, 0, true), (6, 6 / 255 * 0.9, 0, true), (6, 6 / 255 * 1.001, 0, true), (6, 6 / 255 * 1.003, 0, false),
            (nil, 0.02, 0, true), (nil, 0.02, 3, false), (nil, 1e-9, 5, false),
        ]
        for (high, scale, zeroPoint, isNeedless) in cases {
            let graph = try graph(upTo: high, scale: scale, zeroPoint: zeroPoint)
            let prediction = try #require(RuntimePrediction(graph, on: profile))
            #expect(prediction.layerCount == 1 && (prediction.integerLayerCount == 1) == isNeedless, "\(high ?? .infinity) \(scale) \(zeroPoint)")
            let written = try graph.writingQuantizedOperators().graph
            #expect(written.nodes.contains { $0.op is QLinearConv } == isNeedless, "\(high ?? .infinity) \(scale) \(zeroPoint)")
        }
    }
}
