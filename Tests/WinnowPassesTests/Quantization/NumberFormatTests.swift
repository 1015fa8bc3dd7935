import Testing
import WinnowKernels
import WinnowTensor
@testable import WinnowPasses

/// Codes and scales of small floats as ml_dtypes and exact fractions have them; a script beside the fixture says how.
struct NumberFormatTests {
    private struct Known: Decodable {
        var limit: Float
        var numbers: [Float]
        var codes: [UInt8]
        var checksum: UInt64
        var scales: Scales
    }

    private struct Scales: Decodable {
        var largest: [Float]
        var exponents: [String: [Int]]
    }

    private static let floats: [NumberFormat] = [.e2m1, .e2m3, .e3m2, .e4m3, .e5m2]

    @Test(arguments: floats) func codesAreThoseOfMLDtypes(_ format: NumberFormat) throws {
        let known = try #require(try fixture("formats", as: [String: Known].self)[format.rawValue])
        #expect(format.limit == known.limit)
        let nearest = format.nearest
        for (number, code) in zip(known.numbers, known.codes) where number.magnitude <= known.limit {
            let own = nearest(number)
            #expect(own == code || format.levels[Int(own)] == 0 && format.levels[Int(code)] == 0, "\(format) \(number)")
        }
        var checksum: UInt64 = 0
        for index in 0..<UInt32(1_000_000) {
            let number = Float((Double(Self.hash(index)) - 0x1p23) / 0x1p23 * Double(known.limit))
            checksum += UInt64(nearest(number)) * UInt64(index % 65521 + 1)
        }
        #expect(checksum == known.checksum, "\(format)")
    }

    /// The finalizer of MurmurHash3, 24 bits of it.
    private static func hash(_ index: UInt32) -> UInt32 {
        var h = index
        for (shift, factor) in [(16, 0x85EB_CA6B), (13, 0xC2B2_AE35), (16, 1)] as [(UInt32, UInt32)] { h = (h ^ (h >> shift)) &* factor }
        return h >> 8
    }

    @Test(arguments: floats) func microscalesAreExact(_ format: NumberFormat) throws {
        let known = try #require(try fixture("formats", as: [String: Known].self)[format.rawValue]).scales
        for rounding in MicroscaleRounding.allCases {
            let expected = try #require(known.exponents[rounding.rawValue])
            for (largest, exponent) in zip(known.largest, expected) {
                let scale = rounding.scale(for: largest, limit: format.limit, format)
                #expect(scale == Float(sign: .plus, exponent: exponent, significand: 1), "\(format) \(rounding) \(largest): \(scale)")
            }
            #expect(rounding.scale(for: .nan, limit: format.limit, format).isNaN)
            // As torchao: infinity has the exponent 128, and scales go up to 2¹²⁷.
            let exponent = rounding == .rceil ? 127 : 128 - Int(format.limit.exponent)
            #expect(rounding.scale(for: .infinity, limit: format.limit, format) == Float(sign: .plus, exponent: exponent, significand: 1))
        }
    }

    /// Every number has the code of the level that is nearest.
    @Test func normalLevelsAreNearest() {
        let levels = NumberFormat.nf4.levels
        #expect(levels.count == 16 && levels.contains(0) && levels == levels.sorted() && NumberFormat.nf4.bits == 4)
        for step in -1100...1100 {
            let number = Float(step) / 1000
            let least = levels.map { ($0 - number).magnitude }.min() ?? 0
            #expect((levels[Int(NumberFormat.nf4.nearest(number))] - number).magnitude == least)
        }
    }

    /// amax/6 as an 8-bit float, times the number of the tensor: the largest block's largest number stays.
    @Test func nvfp4KeepsTheLargest() throws {
        let weight = TestModels.normal([8, 64])
        let scheme = try #require(QuantizationPresets.all.first { $0.name == "nvfp4" }?.scheme)
        let (encoded, reason) = scheme.encoded(weight, channelAxis: 0, inputAxis: 1)
        #expect(reason == nil)
        guard case .table(_, let scales?) = encoded.meaning else { Issue.record("no table"); return }
        #expect(scales.elementType == .float8E4M3FN && scales.elementCount == 32 && scales.floats().max() == 448)
        let largest = weight.floats().map(\.magnitude).max() ?? 0
        #expect(abs((encoded.decoded.floats().map(\.magnitude).max() ?? 0) - largest) < 1e-6 * largest)
        #expect(encoded.byteCount == 256 + 32 + 64)
    }

    /// Blocks divide their axis; where only such do whose scale would outweigh their codes, they are longer instead.
    @Test(arguments: [
        ("mxfp4", 48, 24), ("mxfp4", 67, 67), ("mxfp4", 134, 67), ("mxfp4", 3, 3), ("nvfp4", 67, 67), ("nvfp4", 34, 2), ("mxfp8", 67, 67),
    ]) func scalesDoNotOutweighCodes(name: String, inputs: Int, block: Int) throws {
        let weight = TestModels.normal([8, inputs])
        let scheme = try #require(QuantizationPresets.all.first { $0.name == name }?.scheme)
        let (encoded, reason) = scheme.encoded(weight, channelAxis: 0, inputAxis: 1)
        guard case .table(_, let scales?) = encoded.meaning else { Issue.record("no table"); return }
        #expect(scales.elementCount == 8 * inputs / block)
        #expect(reason.map { $0.hasPrefix("blocks of \(block):") } ?? (inputs == block))
        #expect(scales.byteCount <= encoded.codes.byteCount || inputs == block)
        #expect(weight.relativeError(of: encoded.decoded) < 0.2)
    }
}
