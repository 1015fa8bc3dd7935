import Testing
import WinnowTensor

import WinnowKernels

extension OneDNNTests {
    @Suite struct ReorderKernelTests {
        @Test(arguments: [Shape([3, 5, 4, 6]), [2, 17, 3], [1, 1, 7, 7], [4, 33]])
        func layoutsRoundTrip(shape: Shape) throws {
            var data = TestTensors(seed: 31)
            for type in [ElementType.float32, .int8, .uint8] {
                let source = type == .float32 ? data.normal(shape) : data.integers(shape, type)
                let kernel = try ReorderKernel(
                    shape, from: .init(type, strides: Layout.rowMajor.strides(of: shape)),
                    to: .init(type, strides: Layout.channelsLast.strides(of: shape)))
                let target = Block(shape, type)
                try kernel.run(source: source.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
                #expect(target.tensor(shape, type, .channelsLast) == source)
            }
        }

        @Test(arguments: [ElementType.int8, .uint8], [Int32(0), 5]) func quantizesAndBack(type: ElementType, zeroPoint: Int32) throws {
            var data = TestTensors(seed: 32)
            let shape: Shape = [3, 4, 5, 7]
            let source = data.normal(shape)
            let strides = (Layout.rowMajor.strides(of: shape), Layout.channelsLast.strides(of: shape))
            let encode = try ReorderKernel(
                shape, from: .init(.float32, strides: strides.0),
                to: .init(type, strides: strides.1, scale: 0.02, zeroPoint: zeroPoint))
            let codes = Block(shape, type)
            try encode.run(source: source.pointer, target: codes.base, scratch: Block(encode.scratchByteCount).base)
            let range = try #require(type.integerRange)
            let expected = source.doubles().map {
                min(max(($0 / Double(Float(0.02))).rounded(.toNearestOrEven) + Double(zeroPoint), Double(range.lowerBound)), Double(range.upperBound))
            }
            let written = codes.tensor(shape, type, .channelsLast)
            let errors = zip(written.doubles(), expected).map { abs($0 - $1) }
            #expect((errors.max() ?? 0) <= 1 && errors.count { $0 > 0 } <= 2)

            let decode = try ReorderKernel(
                shape, from: .init(type, strides: strides.1, scale: 0.02, zeroPoint: zeroPoint),
                to: .init(.float32, strides: strides.0))
            let real = Block(shape)
            try decode.run(source: codes.base, target: real.base, scratch: Block(decode.scratchByteCount).base)
            expectClose(real.tensor(shape), written.doubles().map { 0.02 * ($0 - Double(zeroPoint)) }, tolerance: 1e-6)
        }
    }
}
