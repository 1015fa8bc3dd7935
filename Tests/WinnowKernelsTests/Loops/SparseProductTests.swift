import Testing
import WinnowKernels
import WinnowTensor

/// Products that leave out zeros, against plain loops.
struct SparseProductTests {
    private struct Case {
        let geometry: ConvolutionGeometry
        /// Images, rows, columns, channels.
        let source: [Float]
        let weights: [Float]
        let bias: [Float]

        /// The sum of one output at one place, over what `read` gives of the source (nil: padding) and the weights.
        func sum(_ image: Int, _ output: Int, _ row: Int, _ column: Int, _ add: (Int?, Int) -> Void) {
            let (shape, window) = (geometry.sourceShape, geometry.window)
            for channel in 0..<shape[1] {
                for i in 0..<window.extents[0] {
                    for j in 0..<window.extents[1] {
                        let y = row * window.strides[0] - window.padsBegin[0] + i * window.dilations[0]
                        let x = column * window.strides[1] - window.padsBegin[1] + j * window.dilations[1]
                        let isInside = (0..<shape[2]).contains(y) && (0..<shape[3]).contains(x)
                        let place = isInside ? ((image * shape[2] + y) * shape[3] + x) * shape[1] + channel : nil
                        add(place, ((output * shape[1] + channel) * window.extents[0] + i) * window.extents[1] + j)
                    }
                }
            }
        }

        func forEachResult(_ body: (_ place: Int, _ image: Int, _ output: Int, _ row: Int, _ column: Int) -> Void) {
            let target = geometry.targetShape
            for image in 0..<target[0] {
                for row in 0..<target[2] {
                    for column in 0..<target[3] {
                        for output in 0..<target[1] {
                            body(((image * target[2] + row) * target[3] + column) * target[1] + output, image, output, row, column)
                        }
                    }
                }
            }
        }
    }

    /// A random geometry; a third of them products.
    private func sample(_ round: Int, channels: Int, density: Double, generator: inout RandomGenerator) throws -> Case {
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let isFlat = round % 3 == 0
        let taps = isFlat ? [1, 1] : [number(1...3), number(1...3)]
        let steps = isFlat ? [1, 1] : [number(1...2), number(1...2)]
        let window = WindowGeometry(
            taps, strides: steps, dilations: isFlat ? [1, 1] : [number(1...2), number(1...2)],
            padsBegin: isFlat ? [0, 0] : [number(0...2), number(0...1)], padsEnd: isFlat ? [0, 0] : [number(0...1), number(0...2)])
        let geometry = ConvolutionGeometry(
            sourceShape: [number(1...3), channels, number(5...13), number(5...13)], filterShape: [number(1...40), channels] + Shape(taps),
            window: window)
        try geometry.validate()
        return Case(
            geometry: geometry,
            source: (0..<geometry.sourceShape.elementCount).map { _ in Float.random(in: -1...1, using: &generator) },
            weights: (0..<geometry.filterShape.elementCount).map { _ in
                Double.random(in: 0..<1, using: &generator) < density ? Float.random(in: -1...1, using: &generator) : 0
            }, bias: (0..<geometry.filterShape[0]).map { _ in Float.random(in: -1...1, using: &generator) })
    }

    /// Gathering what taps of few channels read costs more than their products; wide 1×1 products gain from nine zeros in ten.
    @Test func costsCountWhatIsGathered() throws {
        func product(_ channels: Int, _ outputs: Int, taps: Int, side: Int) throws -> SparseProduct {
            let window = WindowGeometry([taps, taps], strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0])
            return try #require(SparseProduct(ConvolutionGeometry(
                sourceShape: [1, channels, side, side], filterShape: [outputs, channels, taps, taps], window: window)))
        }
        let (first, second) = (try product(1, 20, taps: 5, side: 28), try product(20, 50, taps: 5, side: 12))
        #expect(first.cost(density: 0.1) > first.denseCost() && second.cost(density: 0.2) > second.denseCost())
        let wide = try product(512, 512, taps: 1, side: 14)
        #expect(wide.cost(density: 0.1) < 0.6 * wide.denseCost())
    }

    @Test func floatsAgreeWithPlainLoops() throws {
        var generator = RandomGenerator(seed: 11)
        for round in 0..<90 {
            let channels = Int.random(in: 1...50, using: &generator)
            let sample = try sample(round, channels: channels, density: [0, 0.1, 0.5, 1][round % 4], generator: &generator)
            let product = try #require(SparseProduct(sample.geometry))
            let epilogue: Epilogue = round % 2 == 0 ? [.relu] : round % 5 == 0 ? [.addResidual(), .leakyRelu(alpha: 0.5)] : []
            let kernel = try sample.weights.withUnsafeBytes {
                try SparseProductKernel(product, weights: $0.baseAddress!, epilogue: epilogue)
            }
            let count = sample.geometry.targetShape.elementCount
            let residual = (0..<count).map { Float($0 % 7) - 3 }
            var target = [Float](repeating: .nan, count: count)
            let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernel.scratchByteCount, alignment: 64)
            defer { scratch.deallocate() }
            target.withUnsafeMutableBytes {
                kernel.run(source: sample.source, bias: sample.bias, residual: residual, target: $0.baseAddress!, scratch: scratch)
            }
            var worst = 0.0
            sample.forEachResult { place, image, output, row, column in
                var sum = Double(sample.bias[output])
                sample.sum(image, output, row, column) { source, weight in
                    if let source { sum += Double(sample.source[source]) * Double(sample.weights[weight]) }
                }
                if round % 2 == 0 { sum = max(0, sum) } else if round % 5 == 0 {
                    sum += Double(residual[place])
                    sum = sum < 0 ? sum / 2 : sum
                }
                worst = max(worst, (sum - Double(target[place])).magnitude)
            }
            #expect(worst < 2e-5, "\(sample.geometry)")
        }
    }

    @Test func codesAgreeWithPlainLoops() throws {
        var generator = RandomGenerator(seed: 12)
        var count = 0
        for round in 0..<90 {
            let sample = try sample(round, channels: 4 * Int.random(in: 1...24, using: &generator), density: 1, generator: &generator)
            let geometry = sample.geometry
            let (outputs, taps) = (geometry.filterShape[0], geometry.filterShape.dropFirst(2).reduce(1, *))
            let (isSigned, isUnsignedFilter) = (round % 2 == 0, round % 4 == 3)
            // Blocks of four neighbouring channels are zero together.
            var isKept: [Int: Bool] = [:]
            let weights = sample.weights.indices.map { index -> Int in
                let block = (index / taps / 4) * taps + index % taps
                let kept = isKept[block] ?? (Int.random(in: 0..<8, using: &generator) == 0)
                isKept[block] = kept
                return kept ? Int.random(in: -100...100, using: &generator) : 0
            }
            let codes = sample.source.map { Int(($0 + 1) * 127) - (isSigned ? 128 : 0) }
            let bytes = codes.map { UInt8(truncatingIfNeeded: $0) }
            let filterBytes = weights.map { UInt8(truncatingIfNeeded: $0 + (isUnsignedFilter ? 120 : 0)) }
            let source = AffineEncoding(isSigned ? .int8 : .uint8, scale: 0.02, zeroPoint: isSigned ? -5 : 7)
            let target = AffineEncoding(round % 3 == 0 ? .int8 : .uint8, scale: 0.3, zeroPoint: 11)
            let scales = (0..<outputs).map { 0.005 + 0.001 * Float($0) }
            let epilogue: Epilogue = round % 5 == 0 ? [.relu] : []
            let kernel = filterBytes.withUnsafeBytes { filter in
                SparseProduct(geometry).flatMap {
                    SparseProductKernel(
                        $0,
                        IntegerContraction(
                            source: .constant(source),
                            filter: IntegerFilter(
                                filter.baseAddress!, isUnsignedFilter ? .uint8 : .int8, scales: scales,
                                zeroPoints: [isUnsignedFilter ? 120 : 0]),
                            bias: sample.bias, target: .codes(target), epilogue: epilogue), limit: .infinity)
                }
            }
            guard let kernel else { continue }
            count += 1
            var result = [UInt8](repeating: 99, count: geometry.targetShape.elementCount)
            let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernel.scratchByteCount, alignment: 64)
            defer { scratch.deallocate() }
            result.withUnsafeMutableBytes { kernel.run(source: bytes, target: $0.baseAddress!, scratch: scratch) }
            let range = target.elementType == .int8 ? -128.0...127 : 0.0...255
            var wrong = 0
            sample.forEachResult { place, image, output, row, column in
                var sum = 0
                sample.sum(image, output, row, column) { source, weight in
                    if let source { sum += (codes[source] - (isSigned ? -5 : 7)) * weights[weight] }
                }
                var real = Double(sum) * 0.02 * Double(scales[output]) + Double(sample.bias[output])
                if round % 5 == 0 { real = max(0, real) }
                let code = min(range.upperBound, max(range.lowerBound, real / 0.3 + 11))
                let own = target.elementType == .int8 ? Double(Int8(bitPattern: result[place])) : Double(result[place])
                if (own - code).magnitude > 0.502 { wrong += 1 }
            }
            #expect(wrong == 0, "\(geometry)")
        }
        #expect(count > 20 || count == 0)
    }

    /// Few rows, by any number of threads.
    @Test func productsDependOnNoThreads() throws {
        var generator = RandomGenerator(seed: 13)
        let (depth, columns) = (700, 900)
        let weights = (0..<(depth * columns)).map { _ in
            Int.random(in: 0..<10, using: &generator) == 0 ? Float.random(in: -1...1, using: &generator) : 0
        }
        defer { ThreadCount.set(0) }
        for rows in [1, 5, 40] {
            let data = (0..<(rows * depth)).map { _ in Float.random(in: -1...1, using: &generator) }
            for isTransposed in [false, true] {
                let geometry = MatMulGeometry(
                    left: [rows, depth], right: isTransposed ? [columns, depth] : [depth, columns], transposesRight: isTransposed)
                let product = try #require(SparseProduct(geometry))
                let results = try [1, 2, 3].map { threads -> [Float] in
                    ThreadCount.set(threads)
                    let kernel = try weights.withUnsafeBytes { try SparseProductKernel(product, weights: $0.baseAddress!) }
                    var target = [Float](repeating: .nan, count: rows * columns)
                    let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernel.scratchByteCount, alignment: 64)
                    defer { scratch.deallocate() }
                    target.withUnsafeMutableBytes { kernel.run(source: data, target: $0.baseAddress!, scratch: scratch) }
                    return target
                }
                #expect(results[0] == results[1] && results[0] == results[2])
                var worst = 0.0
                for row in 0..<rows {
                    for column in stride(from: 0, to: columns, by: 17) {
                        let sum = (0..<depth).reduce(0.0) {
                            $0 + Double(data[row * depth + $1] * weights[isTransposed ? column * depth + $1 : $1 * columns + column])
                        }
                        worst = max(worst, (sum - Double(results[0][row * columns + column])).magnitude)
                    }
                }
                #expect(worst < 3e-5)
            }
        }
    }
}
