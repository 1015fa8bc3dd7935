import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// A weight's codes are read back from a graph as they were written.
struct EncodedWeightTests {
    private static let settings: [(String, [String: HyperparameterValue])] = [
        ("weight-only-quantization", [:]), ("weight-only-quantization", ["per-channel": false]), ("weight-only-quantization", ["bits": 4]),
        ("weight-only-quantization", ["bits": 4, "block-size": 4]), ("fixed-point-quantization", ["bits": 12]),
        ("fixed-point-quantization", ["bits": 3, "power-of-two": true, "per-channel": true]), ("palettization", ["bits": 2]),
        ("palettization", ["bits": 5]), ("palettization", ["bits": 2, "group-size": 3]), ("palettization", ["bits": 3, "vector-size": 4]),
        ("palettization", ["bits": 2, "vector-size": 2, "group-size": 4]), ("float4-quantization", ["block-size": 4]), ("float4-quantization", ["block-size": 0]),
    ]

    @Test(arguments: settings.indices) func isReadBack(place: Int) throws {
        let (name, values) = Self.settings[place]
        for graph in try TestModels.all {
            let result = try PassStep(named: name, hyperparameters: values).pass(graph, in: TestModels.context(for: graph)).graph
            let index = GraphIndex(result)
            var count = 0
            for node in result.nodes where node.op.quantization == .contraction {
                guard let value = node.input(1), graph.initializers[value] == nil, let encoded = EncodedWeight(of: value, in: index) else { continue }
                count += 1
                let weight = try #require(result.constantValue(of: value))
                #expect(encoded.shape == weight.shape && encoded.decoded == weight, "\(node.name)")
                #expect(encoded.byteCount < 4 * weight.elementCount)
            }
            #expect(count > 0)
        }
    }

    @Test func othersAreNone() throws {
        let graph = try TestModels.residual()
        let index = GraphIndex(graph)
        for node in graph.nodes { for value in node.inputs { #expect(EncodedWeight(of: value, in: index) == nil) } }
    }

    /// Palettes that begin beyond every number are none.
    @Test func palettesBeyondTheTableAreNone() throws {
        let b = GraphBuilder("words")
        let product = try b.add(MatMul(), b.input("x", .float32, ["N", 128]), b.constant("w", TestModels.normal([128, 96])), name: "product")
        let step = try PassStep(named: "palettization", hyperparameters: ["bits": 2, "vector-size": 2, "group-size": 4])
        let graph = try step.pass(b.graph(outputs: [product]), in: PassContext()).graph
        let index = GraphIndex(graph)
        let value = try #require(graph.nodes.first { $0.op is MatMul }?.input(1))
        let sum = try #require(graph.nodes.first { $0.op is Add })
        let (cast, firsts) = (try #require(index.producer(of: sum.input(0))), try #require(index.constant(sum.input(1))))
        #expect(EncodedWeight(of: value, in: index) != nil)
        var edit = GraphEdit(
            replacing: [cast.name], with: [Node(name: cast.name, op: Cast(to: .int64), inputs: cast.inputs, outputs: cast.outputs)])
        edit.initializers.append((sum.inputs[1], Tensor([Int64](repeating: .max, count: firsts.elementCount), shape: firsts.shape)))
        #expect(try EncodedWeight(of: value, in: GraphIndex(graph.applying(edit))) == nil)
    }

    /// Codes whose scale a Cast makes half precision have encodings; they stand for no float32 numbers, as those of whole steps do not.
    @Test func castScalesAreRead() throws {
        let codes = Tensor((0..<8).map { Int8($0 - 4) }, shape: [4, 2])
        func coded(_ scale: Tensor, _ target: ElementType) throws -> (encodings: [CodedTensor], weight: EncodedWeight?) {
            let b = GraphBuilder("cast")
            let weight = try b.add(DequantizeLinear(), b.constant("w", codes), b.add(Cast(to: target), b.constant("s", scale)))
            let graph = try b.graph(outputs: [b.add(MatMul(), b.input("x", target, ["N", 4]), weight)])
            return (graph.codedTensors, EncodedWeight(of: weight, in: GraphIndex(graph)))
        }
        let step = Tensor(scalar: Float(0.1))
        let half = try coded(step, .float16)
        #expect(half.encodings.map(\.name) == ["w"] && half.weight == nil)
        #expect(half.encodings.first?.parameters.scales == step.converted(to: .float16).floats())
        let wide = try coded(step.converted(to: .float16), .float32)
        #expect(wide.encodings.map(\.name) == ["w"] && wide.weight?.codes == codes)
        let whole = try coded(Tensor(scalar: Int32(2)), .float32)
        #expect(whole.encodings.isEmpty && whole.weight == nil)
    }

    @Test func schemesTellWhatTheyFellBackTo() {
        let matrix = Tensor([1, -2, 3, 4, -5, 6] as [Float], shape: [2, 3])
        let blocks = QuantizationScheme(bits: 4, .block(2))
        #expect(blocks.elementType == .int4 && blocks.limit == 7)
        let fitting = blocks.parameters(for: matrix, channelAxis: 0)
        #expect(fitting.parameters.axis == 1 && fitting.parameters.scales.count == 4 && fitting.reason == nil)
        let deep = blocks.parameters(for: matrix.reshaped([2, 3, 1]), channelAxis: 0)
        #expect(deep.parameters.axis == 0 && deep.reason?.contains("blocks need a matrix") == true)
        let unknown = QuantizationScheme(bits: 8, .channel).parameters(for: matrix, channelAxis: nil)
        #expect(unknown.parameters.scales == [6 / 127] && unknown.reason != nil)
    }

    /// A weight that another one is multiplied with is coded, and not said to be left alone.
    @Test func weightsOfWeightsAreToldOnce() throws {
        let b = GraphBuilder("product")
        let whole = try b.add(MatMul(), b.constant("a", TestModels.normal([12, 3], seed: 1)), b.constant("b", TestModels.normal([3, 10], seed: 2)), name: "whole")
        let graph = try b.graph(outputs: [b.add(MatMul(), b.input("x", .float32, ["N", 12]), whole)])
        let findings = try WeightOnlyQuantization()(graph).findings
        for name in ["a", "b"] { #expect(Set(findings.filter { $0.subject == name }.map(\.status)).count == 1, "\(findings)") }
    }
}
