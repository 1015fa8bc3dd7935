import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// What is told of codes: their scheme, and what rounding costs.
struct CodeCostTests {
    private func quantized(_ graph: Graph) throws -> PassResult {
        try StaticQuantization(hyperparameters: ["output-sqnr": 1])(graph, in: TestModels.context(for: graph))
    }

    /// Each tensor says its codes, what rounding it costs by itself and at the outputs, and what is left of the signal behind it.
    @Test func codesTellWhatTheyCost() throws {
        let graph = try TestModels.perceptron()
        let result = try quantized(graph)
        let weights = result.findings.filter { $0.codes != nil && $0.quantity == .elementSize }
        let activations = result.findings.filter { $0.codes != nil && $0.quantity == .rangeWidth }
        #expect(weights.count >= 2 && !activations.isEmpty)
        for codes in weights.compactMap(\.codes) {
            #expect(codes.scheme.hasPrefix("int8 −128…127, a scale for each of"))
            #expect(codes.scales.map { $0.lowerBound > 0 } == true && codes.clippedPart == 0)
            #expect(codes.signal.map { (30...70).contains($0) } == true && codes.outputNoise.map { $0 < -20 } == true)
        }
        for codes in activations.compactMap(\.codes) {
            #expect(codes.scheme.hasPrefix("uint8 0…255, one scale") && codes.signal != nil && codes.clippedPart != nil)
        }
        // Behind the last layer is what the whole model gives, on other samples.
        let samples = try TestModels.dataset(for: graph, count: 64)
        let whole = try MetricRun(of: result.graph, original: graph, on: samples, metrics: [SignalToNoise()])
        let last = try #require(weights.last?.codes?.signalSoFar)
        #expect(abs(last - whole.sums[0].sums.decibels) < 6)
        #expect(weights.allSatisfy { $0.codes?.signalSoFar != nil })
    }

    /// Layers and values of one name do not share what rounding them costs.
    @Test func layersAndValuesOfOneNameAreTwo() throws {
        let b = GraphBuilder("row")
        let first = try b.linear(b.input("x", .float32, ["N", 12]), b.constant("a.weight", TestModels.normal([16, 12])), name: "first")
        let graph = try b.graph(outputs: [b.linear(first, b.constant("b.weight", TestModels.normal([4, 16], seed: 6)), name: "second")])
        #expect(graph.nodes[0].name == graph.nodes[0].output(0))
        let findings = try quantized(graph).findings
        let weight = try #require(findings.first { $0.subject == "a.weight" && $0.codes != nil }?.codes?.outputNoise)
        let value = try #require(findings.first { $0.subject == "first" && $0.codes != nil }?.codes?.outputNoise)
        #expect(weight != value)
        let summary = try #require(findings.first { $0.quantity == .outputSignal }?.reason)
        #expect(summary.components(separatedBy: "first").count <= 2)
    }

    /// The SQNR of a value whose error is known: a tenth of it is 20 dB, whatever comes behind.
    @Test func signalAlongLayersIsThatOfTheValues() throws {
        func product(_ factor: Float) throws -> Graph {
            let b = GraphBuilder("product")
            let x = try b.input("x", .float32, ["N", 12])
            let weight = TestModels.normal([12, 8], seed: 3).floats().map { $0 * factor }
            let first = try b.add(MatMul(), x, b.constant("w", Tensor(weight, shape: [12, 8])), name: "first")
            return try b.graph(outputs: [b.add(Mul(), first, b.constant("c", Tensor([Float(3)])), name: "second")])
        }
        let (original, changed) = (try product(1), try product(1.1))
        let samples = try TestModels.dataset(for: original, count: 6)
        let values = original.nodes.compactMap { $0.output(0) }
        let signal = try SignalAlongLayers(values + ["x", "none"], of: original, in: changed, on: samples).decibels
        #expect(signal.count == 2 && signal.values.allSatisfy { abs($0 - 20) < 0.02 })
        #expect(try SignalAlongLayers(values, of: original, in: original, on: samples).decibels.isEmpty)
    }

    /// What lies more than half a step beyond the outermost codes is clipped.
    @Test func clippedNumbersAreCounted() {
        var parameters = QuantizationParameters(elementType: .int8, codes: -2...2, scales: [1, 10], zeroPoints: [0, 1], axis: 0)
        #expect(parameters.clippedPart(of: Tensor([0, 2.4, 2.6, -3, 0, 14, 16, -36] as [Float], shape: [2, 4])) == 0.5)
        parameters.zeroPoints = [0, 0]
        #expect(parameters.clippedPart(of: Tensor([0, 2.4, 2.6, -3, 0, 14, 16, -24] as [Float], shape: [2, 4])) == 0.25)
    }
}
