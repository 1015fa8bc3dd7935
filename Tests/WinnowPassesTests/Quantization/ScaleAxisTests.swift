import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Scales in every spelling that ONNX allows: one number with axes or without, and axes that count from the end.
struct ScaleAxisTests {
    private struct Spelling {
        var axis: Int?
        var shape: Shape
    }

    /// Each with the spelling that says the same without such freedoms.
    private static let spellings: [(own: Spelling, plain: Spelling)] = [
        (Spelling(axis: nil, shape: [1]), Spelling(axis: nil, shape: [])), (Spelling(axis: 0, shape: [1]), Spelling(axis: nil, shape: [])),
        (Spelling(axis: -1, shape: [1]), Spelling(axis: nil, shape: [])), (Spelling(axis: -1, shape: [32]), Spelling(axis: 1, shape: [32])),
        (Spelling(axis: -2, shape: [24]), Spelling(axis: 0, shape: [24])),
    ]

    private static let data = TestModels.normal([16, 32], seed: 5)

    /// 32 → 24 → 4, the first weight behind a pair or stored as codes.
    private static func network(_ spelling: Spelling, isStored: Bool) throws -> Graph {
        let weight = TestModels.normal([24, 32])
        let plainAxis = spelling.shape == [24] ? 0 : 1
        let placement = spelling.shape.elementCount == 1 ? ScalePlacement(weight.shape) : ScalePlacement(weight.shape, axis: plainAxis)
        let parameters = QuantizationParameters(symmetric: weight, placement, .int8, codes: -127...127)
        let b = GraphBuilder("network")
        let scale = b.constant("w.scale", Tensor(parameters.scales, shape: spelling.shape))
        let zeroPoint = b.constant("w.zero_point", Tensor(zeros: spelling.shape, .int8))
        let codes = isStored
            ? b.constant("w.codes", parameters.quantize(weight))
            : try b.add(QuantizeLinear(axis: spelling.axis), b.constant("w", weight), scale, zeroPoint, name: "quantize")
        let numbers = try b.add(DequantizeLinear(axis: spelling.axis), codes, scale, zeroPoint, name: "dequantize")
        let x = try b.input("x", .float32, ["N", 32])
        let hidden = try b.add(Relu(), b.linear(x, numbers, b.constant("b", TestModels.normal([24])), name: "fc1"), name: "relu")
        return try b.graph(outputs: [b.linear(hidden, b.constant("w2", TestModels.normal([4, 24])), name: "fc2")])
    }

    @Test(arguments: spellings.indices, [false, true]) func allSpellingsAreTheSame(_ place: Int, _ isStored: Bool) throws {
        let own = try Self.network(Self.spellings[place].own, isStored: isStored)
        let plain = try Self.network(Self.spellings[place].plain, isStored: isStored)
        let context = PassContext(calibration: try Dataset([.init(name: "x", Self.data)]))
        let passes: [any Pass] = [
            StaticQuantization(), try LowRankCompensation(hyperparameters: ["rank": 2]),
            try StructuredPruning(hyperparameters: ["sparsity": 0.5]),
        ]
        for pass in passes {
            let results = try [own, plain].map { graph -> Tensor in
                let result = try pass(graph, in: context).graph
                return try #require(try Session(result).run(["x": Self.data])[result.outputNames[0]])
            }
            #expect(results[0].relativeError(of: results[1]) < 1e-6, "\(type(of: pass).name)")
        }
        #expect(!own.codedTensors.isEmpty && own.codedTensors.map(\.parameters) == plain.codedTensors.map(\.parameters))
        for version in EncodingVersion.allCases { #expect(try own.encodings(version).json == plain.encodings(version).json) }
    }

    /// How many blocks an activation has is said by its scales alone.
    @Test(arguments: EncodingVersion.allCases) func blocksOfActivationsAreWritten(_ version: EncodingVersion) throws {
        let b = GraphBuilder("blocks")
        let x = try b.input("x", .float32, [2, 4])
        let scale = b.constant("scale", Tensor([Float](repeating: 0.5, count: 4), shape: [2, 2]))
        let zeroPoint = b.constant("zero_point", Tensor(zeros: [2, 2], .int8))
        let codes = try b.add(QuantizeLinear(axis: 1, blockSize: 2), x, scale, zeroPoint)
        let graph = try b.graph(outputs: [b.add(DequantizeLinear(axis: 1, blockSize: 2), codes, scale, zeroPoint)])
        #expect(try graph.encodings(version).activations == 1)
    }
}
