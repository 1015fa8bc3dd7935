import Foundation
import Testing
import WinnowTensor

import WinnowKernels

extension OneDNNTests {
    @Suite struct NormalizationKernelTests {
        static let shapes: [Shape] = [[6, 5], [4, 7, 9], [3, 16, 5, 4], [2, 20, 7, 7], [2, 3, 2, 3, 4]]

        /// Channel of each element of a row-major tensor.
        private func channel(_ shape: Shape) -> (Int) -> Int {
            let inner = shape.dropFirst(2).reduce(1, *)
            return { $0 / inner % shape[1] }
        }

        /// Mean and variance of each channel.
        private func statistics(_ values: [Double], _ shape: Shape) -> ([Double], [Double]) {
            let channel = channel(shape)
            let count = Double(values.count / shape[1])
            var (mean, variance) = ([Double](repeating: 0, count: shape[1]), [Double](repeating: 0, count: shape[1]))
            for index in values.indices { mean[channel(index)] += values[index] / count }
            for index in values.indices { variance[channel(index)] += pow(values[index] - mean[channel(index)], 2) / count }
            return (mean, variance)
        }

        @Test(arguments: shapes, [Layout.rowMajor, .channelsLast])
        func givenStatistics(shape: Shape, layout: Layout) throws {
            var data = TestTensors(seed: 21)
            let (source, scale, shift) = (data.normal(shape), data.normal([shape[1]]), data.normal([shape[1]]))
            let mean = data.normal([shape[1]])
            let variance = Tensor((0..<shape[1]).map { _ in 0.1 + data.generator.uniform() })
            let kernel = try BatchNormalizationKernel(shape, layout: layout, epsilon: 1e-3, epilogue: [.relu])
            let target = Block(shape)
            try kernel.run(
                source: source.laid(out: layout).pointer, scale: scale.pointer, shift: shift.pointer,
                statistics: .given(mean: mean.pointer, variance: variance.pointer), target: target.base,
                scratch: Block(kernel.scratchByteCount).base)
            let channel = channel(shape)
            let (s, h, m, v) = (scale.doubles(), shift.doubles(), mean.doubles(), variance.doubles())
            let expected = source.doubles().enumerated().map { index, x in
                let c = channel(index)
                return max(0, s[c] * (x - m[c]) / (v[c] + 1e-3).squareRoot() + h[c])
            }
            expectClose(target.tensor(shape, .float32, layout), expected)
        }

        static let wide: [Shape] = [[7, 200, 9, 5], [33, 24, 6, 17], [300, 1, 40]]

        @Test(arguments: shapes + wide, [1, 2]) func batchStatisticsAndGradients(shape: Shape, threads: Int) {
            defer { ThreadCount.set(0) }
            ThreadCount.set(threads)
            batchStatisticsAndGradients(shape)
        }

        private func batchStatisticsAndGradients(_ shape: Shape) {
            var data = TestTensors(seed: 22)
            let layout = shape.rank > 2 ? Layout.channelsLast : .rowMajor
            let (source, scale, shift) = (data.normal(shape), data.normal([shape[1]]), data.normal([shape[1]]))
            let gradient = data.normal(shape)
            let rows = shape.elementCount / shape[1]
            let kernel = BatchNormalizationTrainingKernel(rows: rows, channels: shape[1], epsilon: 1e-3)
            let (mean, variance, target) = (Block([shape[1]]), Block([shape[1]]), Block(shape))
            let laid = source.laid(out: layout)
            kernel.run(
                source: laid.floats, scale: scale.floats, shift: shift.floats, mean: mean.floats, variance: variance.floats,
                target: target.floats, scratch: Block(kernel.scratchByteCount).base)
            let x = source.doubles()
            let channel = channel(shape)
            let (m, v) = statistics(x, shape)
            let (s, h, g) = (scale.doubles(), shift.doubles(), gradient.doubles())
            expectClose(mean.tensor([shape[1]]), m)
            expectClose(variance.tensor([shape[1]]), v)
            let normalized = x.indices.map { (x[$0] - m[channel($0)]) / (v[channel($0)] + 1e-3).squareRoot() }
            expectClose(
                target.tensor(shape, .float32, layout), x.indices.map { s[channel($0)] * normalized[$0] + h[channel($0)] })

            for (areOfRows, isInPlace) in [(true, false), (false, false), (true, true)] {
                let backward = BatchNormalizationGradientKernel(rows: rows, channels: shape[1], epsilon: 1e-3)
                let (toSource, toScale, toShift) = (Block(shape), Block([shape[1]]), Block([shape[1]]))
                let from = gradient.laid(out: layout)
                if isInPlace { toSource.base.copyMemory(from: from.pointer, byteCount: 4 * shape.elementCount) }
                backward.run(
                    source: laid.floats, targetGradient: isInPlace ? UnsafePointer(toSource.floats) : from.floats, scale: scale.floats,
                    mean: mean.floats, variance: variance.floats, areOfRows: areOfRows, sourceGradient: toSource.floats,
                    scaleGradient: toScale.floats, shiftGradient: toShift.floats, scratch: Block(backward.scratchByteCount).base)
                var (gs, gh) = ([Double](repeating: 0, count: shape[1]), [Double](repeating: 0, count: shape[1]))
                for index in g.indices {
                    gs[channel(index)] += g[index] * normalized[index]
                    gh[channel(index)] += g[index]
                }
                expectClose(toScale.tensor([shape[1]]), gs)
                expectClose(toShift.tensor([shape[1]]), gh)
                let count = Double(x.count / shape[1])
                let expected = x.indices.map { index -> Double in
                    let c = channel(index)
                    let centred = areOfRows ? g[index] - (gh[c] + normalized[index] * gs[c]) / count : g[index]
                    return s[c] / (v[c] + 1e-3).squareRoot() * centred
                }
                expectClose(toSource.tensor(shape, .float32, layout), expected)
            }
        }

        @Test(arguments: [1, 5, 64, 129], [true, false]) func layerNormalization(width: Int, hasShift: Bool) throws {
            var data = TestTensors(seed: 23)
            let (source, scale, shift) = (data.normal([7, width]), data.normal([width]), data.normal([width]))
            let kernel = try LayerNormalizationKernel(
                rows: 7, width: width, epsilon: 1e-5, hasShift: hasShift, writesStatistics: hasShift)
            let (target, mean, variance) = (Block([7, width]), Block([7]), Block([7]))
            try kernel.run(
                source: source.pointer, scale: scale.pointer, shift: shift.pointer, target: target.base,
                statistics: NormalizationStatistics(mean: mean.base, variance: variance.base),
                scratch: Block(kernel.scratchByteCount).base)
            let (x, s, h) = (source.doubles(), scale.doubles(), shift.doubles())
            let (m, v) = statistics(x.indices.map { x[$0 % 7 * width + $0 / 7] }, [width, 7])
            expectClose(target.tensor([7, width]), x.indices.map { index in
                let row = index / width
                let y = s[index % width] * (x[index] - m[row]) / (v[row] + 1e-5).squareRoot()
                return hasShift ? y + h[index % width] : y
            })
            if hasShift {
                expectClose(mean.tensor([7]), m)
                expectClose(variance.tensor([7]), v)
            }
        }

        @Test(arguments: [0, 1, 2, 3], [true, false]) func softmax(axis: Int, logarithm: Bool) throws {
            var data = TestTensors(seed: 24)
            let shape: Shape = [3, 10, 4, 5]
            let source = data.normal(shape)
            for layout in [Layout.rowMajor, .channelsLast] {
                let kernel = try SoftmaxKernel(shape, axis: axis, layout: layout, logarithm: logarithm)
                let target = Block(shape)
                try kernel.run(
                    source: source.laid(out: layout).pointer, target: target.base,
                    scratch: Block(kernel.scratchByteCount).base)
                let (x, step) = (source.doubles(), shape.strides[axis])
                let expected = x.indices.map { index -> Double in
                    let start = index - index / step % shape[axis] * step
                    let sum = (0..<shape[axis]).reduce(0) { $0 + exp(x[start + $1 * step]) }
                    return logarithm ? x[index] - log(sum) : exp(x[index]) / sum
                }
                expectClose(target.tensor(shape, .float32, layout), expected, tolerance: 1e-5)
            }
        }

        /// Columns in whole and broken vectors and blocks, in place too; what is masked is 0, what is no number stays none.
        @Test(arguments: [[2, 3, 2], [3, 10, 20], [1, 7, 259], [5, 1, 16]] as [Shape], [true, false])
        func columnSoftmax(shape: Shape, logarithm: Bool) throws {
            var data = TestTensors(seed: 25)
            let source = data.normal(shape)
            let target = Block(shape)
            let softmax = ColumnSoftmax(shape, logarithm: logarithm)
            let input = source.pointer.assumingMemoryBound(to: Float.self)
            softmax.run(source: input, target: target.base.assumingMemoryBound(to: Float.self))
            let (x, step) = (source.doubles(), shape[2])
            let expected = x.indices.map { index -> Double in
                let start = index - index / step % shape[1] * step
                let sum = (0..<shape[1]).reduce(0) { $0 + exp(x[start + $1 * step]) }
                return logarithm ? x[index] - log(sum) : exp(x[index]) / sum
            }
            expectClose(target.tensor(shape), expected, tolerance: 1e-6)
            var special = [Float](repeating: 0, count: 8)
            (special[0], special[1], special[2], special[5]) = (1e30, -.infinity, .nan, 3)
            special.withUnsafeMutableBufferPointer { numbers in
                guard let base = numbers.baseAddress else { return }
                ColumnSoftmax([1, 2, 4], logarithm: logarithm).run(source: base, target: base)
            }
            #expect(special[2].isNaN && special[6].isNaN)
            #expect(special[1] == (logarithm ? -.infinity : 0) && special[0] == (logarithm ? 0 : 1))
        }

        @Test func softmaxOfLargeNumbersIsFinite() throws {
            let source = Tensor([Float(1000), 1001, -1000], shape: [1, 3])
            let kernel = try SoftmaxKernel([1, 3], axis: 1)
            let target = Block([1, 3])
            try kernel.run(source: source.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            expectClose(target.tensor([1, 3]), [0.26894142, 0.73105858, 0], tolerance: 1e-6)
        }
    }
}
