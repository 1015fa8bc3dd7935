import Testing
import WinnowKernels
import WinnowTensor

@Suite struct QuantizationValuesTests {
    @Test func roundsHalvesToEvenAndSaturates() {
        let encoding = AffineEncoding(.uint8, scale: 0.5, zeroPoint: 10)
        let values: [Float] = [0, 0.25, 0.75, 1.25, -0.25, -0.75, 1e9, -1e9, .infinity, -.infinity, .nan]
        #expect(values.map { encoding.code($0) } == [10, 10, 12, 12, 10, 8, 255, 0, 255, 0, 10])
        #expect(encoding.value(12) == 1)
    }

    /// FBGEMM's own example of a value where x / scale and x · (1 / scale) round apart.
    @Test func reciprocalAndDivisionDiffer() {
        let encoding = AffineEncoding(.uint8, scale: 0.002_148_548_61)
        #expect(encoding.code(0.273_939_937, rounding: .reciprocal) == 128)
        #expect(encoding.code(0.273_939_937, rounding: .division) == 127)
    }

    /// PyTorch's routine: reduced range, the cut-off of small scales, and 0.1 for a range without extent.
    @Test(arguments: [
        (0, 0, true, 0.1, 0), (0, 1e-3, true, 6.1e-5, 0), (-1, 1, true, 2 / 127, 64), (0.5, 2.55, false, 0.01, 0),
        (-2, -1, true, 2 / 127, 127),
    ] as [(Float, Float, Bool, Float, Int32)])
    func torchDynamicParameters(minimum: Float, maximum: Float, reduces: Bool, scale: Float, zeroPoint: Int32) {
        let encoding = AffineEncoding.torchDynamic(minimum: minimum, maximum: maximum, reducesRange: reduces)
        #expect(encoding == AffineEncoding(.uint8, scale: scale, zeroPoint: zeroPoint))
    }

    @Test(arguments: [0, 1, 63, 64, 65, 1000]) func minMaxPassesOverNaN(count: Int) {
        var data = RandomGenerator(seed: 7)
        var values = (0..<count).map { _ in data.normal() }
        if count > 70 { values[69] = .nan }
        let range = values.withUnsafeBufferPointer { RangeStatistics.minMax($0.baseAddress ?? UnsafePointer(bitPattern: 64)!, count: count) }
        let numbers = values.filter { !$0.isNaN }
        #expect(range.minimum == numbers.min() ?? .infinity)
        #expect(range.maximum == numbers.max() ?? -.infinity)
    }

    @Test func histogramIsNumPys() {
        let values: [Float] = [0, 0.1, 0.25, 0.5, 0.99, 1, 1.5, -0.1, .nan]
        var bins = [1, 0, 0, 0]
        bins.withUnsafeMutableBufferPointer { bins in
            values.withUnsafeBufferPointer { RangeStatistics.histogram($0.baseAddress!, count: $0.count, from: 0, to: 1, into: bins) }
        }
        #expect(bins == [3, 1, 1, 2])
    }

    @Test func quantizedAddIsQuantizedSum() throws {
        let a = AffineEncoding(.uint8, scale: 0.02, zeroPoint: 7)
        let b = AffineEncoding(.int8, scale: 0.05, zeroPoint: -3)
        let c = AffineEncoding(.uint8, scale: 0.04, zeroPoint: 100)
        let codes = (0..<65_536).map { UInt8($0 & 255) }
        let others = (0..<65_536).map { UInt8($0 >> 8) }
        var result = [UInt8](repeating: 1, count: 65_536)
        try QuantizedAddKernel(a, b, to: c).run(codes, others, to: &result, count: 65_536)
        for i in 0..<65_536 {
            let sum = a.scale * Float(Int32(codes[i]) - 7) + b.scale * Float(Int32(Int8(bitPattern: others[i])) + 3)
            #expect(Int32(result[i]) == c.code(sum))
        }
        try QuantizedAddKernel(a, b, to: c, clipsAtZero: true).run(codes, others, to: &result, count: 65_536)
        #expect(result.min() == 100)
    }

    /// OCP E2M1 against ml_dtypes: every midpoint, the floats on both sides of it, and saturation.
    @Test func e2m1RoundsToNearestEven() {
        let middles: [Float] = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 6, 7, 100]
        let values = middles.flatMap { [$0.nextDown, $0, $0.nextUp] }
        let codes: [UInt8] = [
            0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        ]
        #expect(values.map { MiniFloat.e2m1.code(nearest: $0) } == codes)
        #expect(values.map { MiniFloat.e2m1.code(nearest: -$0) } == codes.map { $0 | 8 })
    }
}
