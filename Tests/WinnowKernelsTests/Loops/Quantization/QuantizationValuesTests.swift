import Testing
import WinnowKernels
import WinnowTensor

@Suite struct QuantizationValuesTests {
    /// Rows, pieces and runs cover every element once, also where a block is longer than its axis.
    @Test(arguments: [1, 5, 33, 64] as [Int], [1, 2] as [Int]) func layoutsCoverEveryElement(extent: Int, other: Int) {
        for shape in [[extent, other], [other, extent], [extent]] as [Shape] {
            for axis in 0..<shape.rank {
                for blockSize in [1, 4, 16, 64, 128] {
                    let layout = ScaleLayout(blocksOf: blockSize, axis: axis, of: shape)
                    var counts = [Int](repeating: 0, count: layout.elementCount)
                    for row in 0..<layout.rowCount {
                        let (start, count, scale) = layout.row(row)
                        for element in start..<(start + count) { counts[element] += 1 }
                        #expect(scale + layout.scaleStep * max(0, count - 1) < layout.scaleCount)
                    }
                    #expect(counts.allSatisfy { $0 == 1 } && layout.rowLength <= layout.elementCount, "\(shape) \(axis) \(blockSize)")
                }
            }
        }
    }

    @Test(arguments: [0, 1, 63, 64, 65, 1000, 100_001], [Float.nan, .infinity, 1]) func rangesPassOverNaN(count: Int, special: Float) {
        var data = RandomGenerator(seed: 7)
        var values = (0..<count).map { _ in data.normal() }
        if count > 70 { values[69] = special }
        let range = values.withUnsafeBufferPointer { RangeStatistics(of: $0) }
        let numbers = values.filter { !$0.isNaN }
        #expect(range.minimum == numbers.min() ?? .infinity)
        #expect(range.maximum == numbers.max() ?? -.infinity)
        #expect(range.isFinite == values.allSatisfy(\.isFinite))
    }

    @Test(arguments: [1, 511, 513, 100_001]) func binsCountEveryValue(count: Int) {
        var data = RandomGenerator(seed: 8)
        let values = (0..<count).map { _ in data.normal() }
        var counts = [Int](repeating: 1, count: 37)
        values.withUnsafeBufferPointer { RangeStatistics.count($0, origin: -2, width: 0.125, into: &counts) }
        var expected = [Int](repeating: 1, count: 37)
        for value in values { expected[Int(min(max((value + 2) * 8, 0), 36))] += 1 }
        #expect(counts == expected)
    }

    /// Of many values blocks that are spread evenly count for all.
    @Test func aPartCountsForAll() {
        var data = RandomGenerator(seed: 8)
        let values = (0..<400_000).map { _ in data.normal() }
        var (all, part) = ([Int](repeating: 0, count: 32), [Int](repeating: 0, count: 32))
        values.withUnsafeBufferPointer { values in
            RangeStatistics.count(values, origin: -2, width: 0.125, into: &all)
            RangeStatistics.count(values, origin: -2, width: 0.125, limit: 50_000, into: &part)
        }
        let sum = part.reduce(0, +)
        #expect(abs(Double(sum) / 400_000 - 1) < 0.02 && part.allSatisfy { $0 % 8 == 0 })
        for (a, b) in zip(all, part) { #expect(abs(Double(a - b)) < 6 * (8 * Double(a)).squareRoot() + 8) }
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
            let code = (sum / c.scale).rounded(.toNearestOrEven) + Float(c.zeroPoint)
            #expect(Float(result[i]) == min(max(code, 0), 255))
        }
        try QuantizedAddKernel(a, b, to: c, clipsAtZero: true).run(codes, others, to: &result, count: 65_536)
        #expect(result.min() == 100)
    }

    @Test(arguments: [1, 63, 64, 200, 70_000]) func codesAreLookedUp(count: Int) {
        var table = (0..<256).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
        var codes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let expected = codes.map { table[Int($0)] }
        codes.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            CodeTableKernel.run(base, table: &table, to: base, count: count)
        }
        #expect(codes == expected)
    }

    /// Quantized pixel by pixel as row by row.
    @Test(arguments: [1, 2, 3, 4, 5, 12], [1, 255, 300]) func reorderingQuantizesTheSame(channels: Int, plane: Int) throws {
        var data = RandomGenerator(seed: 3)
        let shape: Shape = [2, channels, plane]
        let values = (0..<shape.elementCount).map { _ in data.normal() }
        for type in [ElementType.uint8, .int8] {
            let zero: Float = type == .uint8 ? 120 : -3
            var (rows, pixels) = ([UInt8](repeating: 0, count: values.count), [UInt8](repeating: 0, count: values.count))
            let quantize = try QuantizeKernel(to: type, ScaleLayout(perTensor: shape))
            AffineEncoding(type, scale: 0.02, zeroPoint: Int32(zero)).withEncodings { quantize.run(values, $0, to: &rows) }
            try ReorderingQuantizeKernel(shape, to: type).run(values, scale: 0.02, zeroPoint: zero, to: &pixels)
            for index in values.indices {
                let (image, channel, place) = (index / (channels * plane), index / plane % channels, index % plane)
                #expect(pixels[(image * plane + place) * channels + channel] == rows[index])
            }
        }
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
