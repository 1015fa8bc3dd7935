import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Blocks of outputs by inputs that share a scale.
struct ScaleBlockTests {
    private static let weight = Tensor([1, -2, 3, 4, 5, 6, 7, -8, 9, 10, 11, 12, 13, 14, -15] as [Float], shape: [3, 5])

    private static func block(_ outputs: Int, _ inputs: Int) -> QuantizationScheme.Granularity {
        .block(ScaleBlock(outputs: outputs, inputs: inputs))
    }

    /// The rows and columns of a matrix as a matrix of its own.
    private static func part(_ matrix: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
        let (values, width) = (matrix.floats(), matrix.shape[1])
        return Tensor(rows.flatMap { row in columns.map { values[row * width + $0] } }, shape: [rows.count, columns.count])
    }

    private static func starts(_ extent: Int, _ size: Int) -> [Range<Int>] {
        stride(from: 0, to: extent, by: size).map { $0..<min($0 + size, extent) }
    }

    @Test func blocksAreSpelledAsOfZeros() {
        #expect(ScaleBlock(.int(32)) == ScaleBlock(inputs: 32) && ScaleBlock(.string("1x32")) == ScaleBlock(inputs: 32))
        let block = ScaleBlock(.string("128x64"))
        #expect(block == ScaleBlock(outputs: 128, inputs: 64) && block?.hyperparameterValue == .string("128x64"))
        #expect(ScaleBlock(inputs: 32).hyperparameterValue == .int(32))
        for text in ["0x4", "4x", "x4", "4x4x4", "4:4", "70000x2", "four"] { #expect(ScaleBlock(.string(text)) == nil, "\(text)") }
        #expect(throws: WinnowError.self) { try WeightOnlyQuantization(hyperparameters: ["block-size": 70_000]) }
    }

    /// max|w| / 127 of each block by hand, once for each of its rows, whichever axis the outputs are.
    @Test func scalesAreThoseOfTheLargest() {
        let scheme = QuantizationScheme(bits: 8, Self.block(2, 2))
        let plain = scheme.parameters(for: Self.weight, channelAxis: 0).parameters
        #expect(plain.scales == ([7, 9, 10, 7, 9, 10, 12, 14, 15] as [Float]).map { $0 / 127 } && plain.axis == 1 && plain.blockSize == 2)
        #expect(plain.scaleTensor(for: [3, 5]).shape == [3, 3] && plain.byteCount(for: [3, 5]) == 15 + 4 * 9)
        let turned = scheme.parameters(for: Self.weight.transposed([1, 0]), channelAxis: 1).parameters
        #expect(turned.scales == ([7, 7, 12, 9, 9, 14, 10, 10, 15] as [Float]).map { $0 / 127 } && turned.axis == 0)
        #expect(turned.quantize(Self.weight.transposed([1, 0])).transposed([1, 0]).integers() == plain.quantize(Self.weight).integers())
        let columns = QuantizationScheme(bits: 8, Self.block(2, 1)).parameters(for: Self.weight, channelAxis: 0).parameters
        #expect(columns.scales == ([6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as [Float]).map { $0 / 127 } && columns.axis == 0)
    }

    /// A matrix in blocks is its blocks, each with a scale of its own.
    @Test(arguments: [
        QuantizationScheme(bits: 4, .tensor), QuantizationScheme(bits: 4, .tensor).with { $0.clips = true },
        QuantizationScheme(affine: 4, .tensor).with { ($0.clips, $0.scales) = (true, .float16) },
        QuantizationScheme(bits: 8, .tensor).taking(.powerOfTwo),
        QuantizationScheme(.e4m3, .tensor), QuantizationScheme(.e2m1, .tensor, .e8m0(.floor)),
    ])
    func blocksAreMatricesOfTheirOwn(_ whole: QuantizationScheme) throws {
        let weight = TestModels.normal([12, 20])
        for (rows, columns) in [(4, 5), (3, 10), (12, 4), (4, 20)] {
            let scheme = whole.with { $0.granularity = Self.block(rows, columns) }
            let encoded = scheme.encoded(weight, channelAxis: 0, inputAxis: 1).encoded
            let turned = scheme.encoded(weight.transposed([1, 0]), channelAxis: 1, inputAxis: 0).encoded
            #expect(turned.decoded.transposed([1, 0]) == encoded.decoded)
            for rows in Self.starts(12, rows) {
                for columns in Self.starts(20, columns) {
                    let own = whole.encoded(Self.part(weight, rows, columns), channelAxis: 0, inputAxis: 1).encoded.decoded
                    #expect(Self.part(encoded.decoded, rows, columns) == own, "\(rows) \(columns)")
                }
            }
        }
    }

    /// Small floats have one scale a block in the file; blocks that do not divide an axis become the longest that do.
    @Test func smallFloatsKeepOneScaleABlock() throws {
        let scheme = QuantizationScheme(.e4m3, Self.block(2, 3))
        let encoded = scheme.encoded(TestModels.normal([4, 6]), channelAxis: 0, inputAxis: 1).encoded
        guard case .table(_, let scales?) = encoded.meaning else { Issue.record("no table with scales"); return }
        #expect(scales.shape == [2, 1, 2, 1] && encoded.codes.shape == [2, 2, 2, 3])
        let (uneven, reason) = QuantizationScheme(.e4m3, Self.block(4, 4)).encoded(TestModels.normal([6, 10]), channelAxis: 0, inputAxis: 1)
        guard case .table(_, let others?) = uneven.meaning else { Issue.record("no table with scales"); return }
        #expect(others.shape == [2, 1, 5, 1] && reason == "blocks of 3x2: 4x4 do not divide 6x10")
        let preset = try #require(QuantizationPresets.all.first { $0.name == "fp8-128x128" }?.scheme)
        #expect(preset.encoded(TestModels.normal([256, 384]), channelAxis: 0, inputAxis: 1).encoded.byteCount == 256 * 384 + 4 * 256 + 4 * 6)
    }

    /// Through the pass: filters through inputs and taps, groups, transposed filters and matrices, and ONNX Runtime's own operator.
    @Test(arguments: ["dequantize-linear", "matmul-nbits"]) func filesComputeTheSame(_ matrices: String) throws {
        let graph = try QuantizationSchemeTests.wide()
        let settings: [String: HyperparameterValue] = ["bits": 4, "block-size": "16x32", "matrices": .string(matrices)]
        let result = try WeightOnlyQuantization(hyperparameters: settings)(graph).graph
        try WrittenModels.keep(result, "passes", "weight-only-quantization 16x32 \(matrices)")
        let index = GraphIndex(result)
        let scheme = QuantizationScheme(bits: 4, Self.block(16, 32))
        let (matrix, head) = (try #require(graph.initializers["matrix"]), try #require(graph.initializers["head"]))
        let wanted = [
            scheme.encoded(matrix, channelAxis: 1, inputAxis: 0).encoded.decoded.transposed([1, 0]),
            scheme.encoded(head, channelAxis: 0, inputAxis: 1).encoded.decoded,
        ]
        if matrices == "matmul-nbits" {
            let packed = result.nodes.filter { $0.op is MatMulNBits }.compactMap { EncodedWeight(packedIn: $0, in: index)?.decoded }
            #expect(packed == wanted)
        } else {
            #expect(result.initializers["matrix.scale"]?.shape == [3, 96] && result.initializers["head.scale"]?.shape == [24, 2])
            let rows = try #require(result.initializers["head.scale"]).floats()
            #expect((0..<16).allSatisfy { rows[2 * $0] == rows[0] && rows[2 * $0 + 1] == rows[1] } && rows[32] != rows[0])
        }
        let exact = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "block-size": "16x32"])(graph).graph
        for (name, tensor) in try Zoo.outputs(of: exact, like: graph) {
            #expect(tensor.relativeError(of: try #require(Zoo.outputs(of: result, like: graph)[name])) < 1e-5)
        }
    }

    /// Whatever a rounding makes of scales, those of a block stay the same, and codes stand for what comes out.
    @Test(arguments: ["nearest", "sum-preserving", "hqq", "gptq", "adaround", "brecq", "sequential-mse"], [false, true])
    func roundingsKeepBlocks(_ name: String, isAffine: Bool) throws {
        var movedCount = 0
        for make in [Zoo.dense, Zoo.tokens, { try TestModels.perceptron() }] {
            let graph = try make()
            let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
            let scheme = isAffine ? QuantizationScheme(affine: 4, Self.block(4, 2)) : QuantizationScheme(bits: 4, Self.block(4, 2))
            var choice = RoundingChoice()
            (choice.rounding, choice.roundingSteps, choice.roundingSamples) = (Chosen(name: name), 40, 32)
            try choice.round(targets, in: graph, Zoo.context(for: graph)) { target, weight in
                scheme.parameters(for: weight, channelAxis: target.channelAxis, inputAxis: target.inputAxis)
            } done: { task, rounded in
                let own = rounded ?? RoundedWeight(values: task.parameters.roundTrip(task.target.values), parameters: task.parameters)
                let place = "\(graph.name) \(task.target.tensor)"
                #expect(own.parameters.roundTrip(own.values) == own.values, "\(place)")
                if own.parameters.scales != task.parameters.scales || own.parameters.zeroPoints != task.parameters.zeroPoints { movedCount += 1 }
                guard let leaders = own.parameters.leaders(in: task.target.stored.shape) else { return }
                for (scale, leader) in leaders.enumerated() {
                    #expect(own.parameters.scales[scale] == own.parameters.scales[leader], "\(place)")
                    #expect(own.parameters.zeroPoints[scale] == own.parameters.zeroPoints[leader], "\(place)")
                }
            }
        }
        // Zero points are whole numbers, and codes of a whole range are at most half of one away from where it would have them.
        let moves = ["gptq", "sequential-mse"].contains(name) || name == "hqq" && !isAffine
        #expect(moves ? movedCount > 0 : movedCount == 0, "\(movedCount)")
    }
}
