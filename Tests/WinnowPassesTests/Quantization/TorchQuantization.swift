import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// What torch.ao.quantization makes of the same numbers; `Fixtures/make_quantization.py` made the file.
struct TorchQuantization: Decodable {
    /// [bits of the scale, zero point] of each slice.
    typealias Parameters = [[Int]]

    struct Observed: Decodable {
        var kind: String
        var seed: Int
        var range: [UInt32]
        var entropy: [UInt32]
        var parameters: [String: [String: Parameters]]

        var batches: [Tensor] { TorchQuantization.batches(kind, seed) }
    }
    struct Rounding: Decodable {
        var isUnsigned: Bool
        var scale: UInt32
        var zero: Int
        var codes: String
        var numbers: String
        var ends: [Int]
    }
    struct Dynamic: Decodable {
        var perChannel: Bool
        var outputs: [[Float]]
    }
    struct Encoding: Decodable {
        var scale: UInt32
        var zero: Int
    }
    struct Static: Decodable {
        struct Layer: Decodable {
            var scale: UInt32
            var zero: Int
            var weightScales: [UInt32]
            var weights: String
        }
        var range: String
        var isReduced: Bool
        var perChannel: Bool
        var input: Encoding
        var layers: [String: Layer]
        var codes: [Int]
    }
    struct Training: Decodable {
        struct Layer: Decodable {
            var weight: [Float]
            var bias: [Float]
            var scales: [Float]
        }
        var perChannel: Bool
        var moves: Bool
        var activations: [UInt32]
        var fc1: Layer
        var fc2: Layer
    }

    struct Learnable: Decodable {
        var scale: UInt32
        var zero: Int
        var low: Int
        var high: Int
        var step: Float
        var data: String
    }

    var observers: [Observed]
    var fixed: [String: Parameters]
    var rounding: [Rounding]
    var dynamic: [Dynamic]
    var `static`: [Static]
    var training: [Training]
    var learnable: [Learnable]

    static func read() throws -> TorchQuantization { try fixture("quantization") }

    /// The script's bijection of 20 bits.
    static func uniform(_ count: Int, start: Int = 0) -> [Double] {
        (start..<(start + count)).map { index in
            var x = UInt64(index) & 0xFFFFF
            for (shift, factor) in [(7, 0x9E375), (9, 0x2C1B3), (11, 0x97D2D)] as [(UInt64, UInt64)] {
                x = ((x ^ (x >> shift)) &* factor) & 0xFFFFF
            }
            x ^= x >> 10
            return ((x >> 3) & 1 == 1 ? -1 : 1) * Double(x + 1) / 1_048_576
        }
    }

    static func normal(_ count: Int, start: Int = 0) -> [Double] {
        let parts = (0..<4).map { uniform(count, start: start + 20011 * $0) }
        return (0..<count).map { index in parts.reduce(0) { $0 + $1[index] } }
    }

    static func tensor(_ shape: Shape, start: Int, divisor: Double = 1) -> Tensor {
        Tensor(normal(shape.elementCount, start: start).map { Float($0 / divisor) }, shape: shape)
    }

    private static func batches(_ kind: String, _ seed: Int) -> [Tensor] {
        let shape: Shape = [4, 5, 60]
        return [1, 0.75, 1.5, 1.25].enumerated().map { batch, factor in
            let values = normal(shape.elementCount, start: 100_003 * seed + 7001 * batch).enumerated().map { index, x in
                Float(number(kind, x * factor, at: index))
            }
            return Tensor(values, shape: shape)
        }
    }

    private static func number(_ kind: String, _ x: Double, at index: Int) -> Double {
        switch kind {
        case "rectified": max(x, 0)
        case "heavy": x * x * x
        case "shifted": x + 5
        case "negative": x - 7
        case "outlier": index == 7 ? 60 : x
        case "tiny": x * 0x1p-25
        case "huge": x * 0x1p40
        case "constant": 3
        case "zero": 0
        default: x
        }
    }

    /// FNV-1a of bytes.
    static func hash(_ tensor: Tensor) -> String {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        tensor.withUnsafeBytes { for byte in $0 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 } }
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    static func scheme(_ name: String) -> ActivationScheme {
        let type: ElementType = name.hasPrefix("u") ? .uint8 : .int8
        let codes = ActivationCodes(rawValue: type == .uint8 ? "uint8" : "int8")?.codes(reduced: name.hasSuffix("reduced")) ?? 0...255
        return ActivationScheme(
            elementType: type, codes: codes, isSymmetric: name.contains("symmetric"), convention: Chosen<QuantizationConventions>("torch").member)
    }
}

extension QuantizationParameters {
    /// As the fixture has them.
    fileprivate var pairs: [[Int]] { zip(scales, zeroPoints).map { [Int($0.bitPattern), $1] } }
}

struct TorchQuantizationTests {
    private func observed(_ batches: [Tensor]) -> ObservedRange {
        var result = ObservedRange(.rebinned)
        for batch in batches { batch.withElements(Float.self) { result.add($0, shape: batch.shape) } }
        return result
    }

    /// Scales and zero points of 50 tensors in batches, by every observer and scheme: the same bits, those of histograms to 10⁻⁶.
    @Test func observersAreTorchs() throws {
        let cases = try TorchQuantization.read().observers
        #expect(cases.count == 50)
        for known in cases {
            let batches = known.batches
            let seen = observed(batches)
            for rule in [MinMaxRange(percentile: 0), MovingAverageRange(percentile: 0), HistogramRange(percentile: 0)] as [any RangeRule] {
                let name = type(of: rule).name
                for (scheme, wanted) in try #require(known.parameters[name]) {
                    let scheme = TorchQuantization.scheme(scheme)
                    let own = scheme.parameters(for: try #require(rule.range(of: seen, for: scheme))).pairs
                    #expect(own == wanted, "\(known.kind) \(known.seed) \(name) \(scheme)")
                }
            }
            let whole = Tensor(batches.flatMap { $0.floats() }, shape: [16, 5, 60])
            var (all, each) = (ChannelRanges(axis: 1), ChannelRanges(axis: 1))
            all.add(whole)
            for batch in batches { each.add(batch) }
            for (name, ranges) in [("channels", all.current), ("channel-averages", each.averages)] {
                for (scheme, wanted) in try #require(known.parameters[name]) {
                    #expect(
                        TorchQuantization.scheme(scheme).parameters(for: ranges, axis: 1).pairs == wanted,
                        "\(known.kind) \(known.seed) \(name) \(scheme)")
                }
            }
        }
    }

    /// The ends are torch's, whose norm is one of evenly filled bins: the numbers themselves may lose more than in the whole range.
    @Test func histogramsFindTorchsRange() throws {
        for known in try TorchQuantization.read().observers {
            let seen = observed(known.batches)
            let scheme = TorchQuantization.scheme("uint8")
            let range = try #require(HistogramRange(percentile: 0).range(of: seen, for: scheme))
            let wanted = known.range.map { Float(bitPattern: $0) }
            #expect(zip([range.lowerBound, range.upperBound], wanted).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) }, "\(known.kind) \(known.seed)")
            let values = Tensor(known.batches.flatMap { $0.floats() })
            func error(_ range: ClosedRange<Float>) -> Double { values.relativeError(of: scheme.parameters(for: range).roundTrip(values)) }
            #expect(try error(range) <= 1.2 * error(#require(seen.whole)), "\(known.kind) \(known.seed)")
        }
    }

    /// The same ranges as ONNX Runtime's entropy calibration of all batches at once, to the bit.
    @Test func entropyIsONNXRuntimes() throws {
        for known in try TorchQuantization.read().observers {
            let range = try #require(RuntimeEntropyRange(percentile: 0).range(of: observed(known.batches), for: .uint8))
            #expect([range.lowerBound, range.upperBound] == known.entropy.map { Float(bitPattern: $0) }, "\(known.kind) \(known.seed)")
        }
    }

    @Test func fixedRangesAreTorchs() throws {
        let known = try TorchQuantization.read().fixed
        let scheme = TorchQuantization.scheme("uint8")
        for (op, name) in [(Sigmoid(), "0to1"), (Softmax(), "0to1"), (HardSigmoid(), "0to1"), (Tanh(), "neg1to1")] as [(any Operator, String)] {
            #expect(scheme.parameters(within: try #require(op.outputBounds)).pairs == known[name])
        }
    }

    /// The same codes and numbers for 100 000 random ones, all halves, half a step and infinities.
    @Test func codesAreTorchs() throws {
        for known in try TorchQuantization.read().rounding {
            let scale = Float(bitPattern: known.scale)
            let type: ElementType = known.isUnsigned ? .uint8 : .int8
            var parameters = QuantizationParameters(
                elementType: type, codes: known.isUnsigned ? 0...255 : -128...127, scales: [scale], zeroPoints: [known.zero])
            parameters.convention = TorchQuantization.scheme("int8").convention
            let halves = (-300..<300).map { (Float($0) + 0.5) * scale }
            let random = TorchQuantization.uniform(100_000, start: 31).map { Float($0 * Double(scale) * 200) }
            let ends: [Float] = [.infinity, -.infinity, scale / 2, -scale / 2, 0.273939937, 0, -0.0, 3e38, -3e38]
            let numbers = Tensor(halves + random + ends)
            let codes = parameters.quantize(numbers)
            #expect(codes.integers().suffix(ends.count) == known.ends[...], "\(type) \(scale) \(known.zero)")
            #expect(TorchQuantization.hash(codes) == known.codes, "\(type) \(scale) \(known.zero)")
            #expect(TorchQuantization.hash(parameters.roundTrip(numbers)) == known.numbers, "\(type) \(scale) \(known.zero)")
        }
    }

    /// FBGEMM's example of what multiplying by the reciprocal changes.
    @Test func conventionsDifferInOneCode() {
        var parameters = QuantizationParameters(elementType: .uint8, codes: 0...255, scales: [0.00214854861], zeroPoints: [0])
        let number = Tensor([Float(0.273939937)])
        #expect(parameters.quantize(number).integers() == [127])
        parameters.convention = TorchQuantization.scheme("uint8").convention
        #expect(parameters.quantize(number).integers() == [128])
    }

    @Test func histogramsMerge() throws {
        let batches = try #require(TorchQuantization.read().observers.first).batches
        var (first, second) = (observed(Array(batches[..<2])), observed(Array(batches[2...])))
        let all = observed(batches)
        first.merge(second)
        second.merge(ObservedRange())
        for (own, whole) in [(first.rebinned?.counts, all.rebinned?.counts)] {
            #expect(abs((own ?? []).reduce(0, +) - (whole ?? [0]).reduce(0, +)) < 0.5)
        }
        let (own, whole) = (
            try #require(HistogramRange(percentile: 0).range(of: first, for: .uint8)), try #require(HistogramRange(percentile: 0).range(of: all, for: .uint8)))
        #expect(abs(own.lowerBound - whole.lowerBound) < 0.1 && abs(own.upperBound - whole.upperBound) < 0.1)
    }
}
