import Testing
import WinnowTensor

import WinnowKernels

/// A randomly drawn integer contraction's numbers around its codes.
struct IntegerCase {
    var source: AffineEncoding
    var filterScales: [Float]
    var filterType: ElementType
    var filterZeroPoints: [Int32]
    var bias: [Float]?
    var target: IntegerTarget
    var epilogue: Epilogue

    init(_ data: inout TestTensors, channels: Int, depth: Int) {
        let type: ElementType = data.bool() ? .uint8 : .int8
        source = AffineEncoding(type, scale: 0.02, zeroPoint: [0, 0, 7, type == .uint8 ? 128 : -5][data.int(0...3)])
        let count = data.bool() ? channels : 1
        var scales: [Float] = []
        for _ in 0..<count { scales.append(0.001 + 0.004 * data.generator.uniform()) }
        filterScales = scales
        filterType = data.int(0...3) == 0 ? .uint8 : .int8
        let zeroPoints: [[Int32]] = [[130], [3], (0..<Int32(channels)).map { $0 * 37 % 256 }]
        filterZeroPoints = filterType == .int8 ? [0] : zeroPoints[data.int(0...2)]
        // Real results reach about 0.02 · 128 · 0.003 · 128 · √depth.
        let reach = Float(depth).squareRoot()
        switch data.int(0...4) {
        case 0: target = .accumulators
        case 1: target = .float32
        case 2: target = .codes(AffineEncoding(.int8, scale: 0.01 * reach, zeroPoint: Int32(data.int(-9...9))))
        default: target = .codes(AffineEncoding(.uint8, scale: 0.01 * reach, zeroPoint: data.bool() ? 0 : 121))
        }
        let samples: [Epilogue] = [
            .none, [.relu], [.clip(low: 0, high: 6)], [.addResidual(.int8, scale: 0.01, zeroPoint: 2)],
            [.addResidual(.uint8, scale: 0.02, zeroPoint: 130), .relu], [.hardSwish],
        ]
        epilogue = target == .accumulators ? .none : samples[data.int(0...(samples.count - 1))]
        var biases: [Float] = []
        for _ in 0..<channels { biases.append(data.generator.normal()) }
        bias = target == .accumulators || data.bool() ? nil : biases
    }

    func contraction(_ filter: Tensor) -> IntegerContraction {
        IntegerContraction(
            source: .constant(source),
            filter: IntegerFilter(filter.pointer, filterType, scales: filterScales, zeroPoints: filterZeroPoints), bias: bias,
            target: target, epilogue: epilogue)
    }

    /// The filter's codes less their zero points.
    func filterNumbers(_ codes: Tensor, channel: (Int) -> Int) -> [Double] {
        let codes = codes.doubles()
        return codes.indices.map { codes[$0] - Double(filterZeroPoints.count == 1 ? filterZeroPoints[0] : filterZeroPoints[channel($0)]) }
    }

    /// Scales, bias, epilogue and encoding over exact sums of codes; `channel` tells the output channel of each.
    func reference(_ sums: [Double], residual: [Double], channel: (Int) -> Int) -> [Double] {
        guard target != .accumulators else { return sums }
        let real = sums.indices.map { index -> Double in
            let channel = channel(index)
            let scale = Double(source.scale) * Double(filterScales.count == 1 ? filterScales[0] : filterScales[channel])
            return sums[index] * scale + Double(bias?[channel] ?? 0)
        }
        let result = epilogue.reference(real, residual: residual)
        guard case .codes(let encoding) = target, let range = encoding.elementType.integerRange else { return result }
        return result.map {
            let code = ($0 / Double(encoding.scale)).rounded(.toNearestOrEven) + Double(encoding.zeroPoint)
            return min(max(code, Double(range.lowerBound)), Double(range.upperBound))
        }
    }

    /// Expects equal accumulators, close reals, codes within one step and nearly all equal.
    func expectMatch(_ actual: Tensor, _ expected: [Double], _ comment: String, sourceLocation: SourceLocation = #_sourceLocation) {
        switch target {
        case .float32: expectClose(actual, expected, tolerance: 1e-4, comment, sourceLocation: sourceLocation)
        case .accumulators: expectClose(actual, expected, tolerance: 0, comment, sourceLocation: sourceLocation)
        case .codes:
            let errors = zip(actual.doubles(), expected).map { abs($0 - $1) }
            #expect((errors.max() ?? 0) <= 1, Comment(rawValue: comment), sourceLocation: sourceLocation)
            let wrong = errors.count { $0 > 0 }
            #expect(wrong * 500 <= errors.count + 499, Comment(rawValue: "\(wrong) of \(errors.count): \(comment)"), sourceLocation: sourceLocation)
        }
    }
}

extension OneDNNTests {
    @Suite struct IntegerKernelTests {
        @Test(arguments: 0..<120) func convolutionMatchesLoop(seed: Int) throws {
            var data = TestTensors(seed: 4000 + seed)
            let geometry = ConvolutionGeometry.random(&data)
            let channels = geometry.filterShape[0]
            let perChannel = geometry.filterShape.elementCount / channels
            let numbers = IntegerCase(&data, channels: channels, depth: perChannel)
            let layouts = OperandLayouts(source: data.layout(), target: data.layout())
            let source = data.integers(geometry.sourceShape, numbers.source.elementType)
            let filter = data.integers(geometry.filterShape, numbers.filterType)
            let residual = numbers.epilogue.residualType.map { data.integers(geometry.targetShape, $0) }
            let kernel = try IntegerConvolutionKernel(geometry, layouts, numbers.contraction(filter))
            let target = Block(geometry.targetShape, numbers.target.elementType)
            try kernel.run(
                source: source.laid(out: layouts.source).pointer, residual: residual?.laid(out: layouts.target).pointer,
                target: target.base, scratch: Block(kernel.scratchByteCount).base)
            #expect(!kernel.implementation.hasPrefix("ref"), "\(kernel.implementation) \(geometry) \(numbers)")
            let sums = ReferenceConvolution(geometry).forward(
                source.doubles().map { $0 - Double(numbers.source.zeroPoint) },
                numbers.filterNumbers(filter) { $0 / perChannel })
            let inner = geometry.targetShape.dropFirst(2).reduce(1, *)
            let expected = numbers.reference(sums, residual: residual?.doubles() ?? []) { $0 / inner % channels }
            numbers.expectMatch(
                target.tensor(geometry.targetShape, numbers.target.elementType, layouts.target), expected,
                "\(kernel.implementation) \(geometry) \(numbers) \(layouts)")
        }

        @Test(arguments: 0..<120) func matMulMatchesLoop(seed: Int) throws {
            var data = TestTensors(seed: 5000 + seed)
            var geometry = MatMulGeometry.random(&data)
            geometry.rightShape = Shape(Array(geometry.rightShape.suffix(2)))
            let columns = geometry.columns
            let numbers = IntegerCase(&data, channels: columns, depth: geometry.depth)
            let left = data.integers(geometry.leftShape, numbers.source.elementType)
            let right = data.integers(geometry.rightShape, numbers.filterType)
            let residual = numbers.epilogue.residualType.map { data.integers(geometry.targetShape, $0) }
            let kernel = try IntegerMatMulKernel(geometry, numbers.contraction(right))
            let target = Block(geometry.targetShape, numbers.target.elementType)
            try kernel.run(
                left: left.pointer, residual: residual?.pointer, target: target.base,
                scratch: Block(kernel.scratchByteCount).base)
            #expect(!kernel.implementation.hasPrefix("ref"), "\(kernel.implementation) \(geometry) \(numbers)")
            let sums = referenceMatMul(
                geometry, left.doubles().map { $0 - Double(numbers.source.zeroPoint) },
                numbers.filterNumbers(right) { geometry.transposesRight ? $0 / geometry.depth : $0 % columns })
            let expected = numbers.reference(sums, residual: residual?.doubles() ?? []) { $0 % columns }
            numbers.expectMatch(
                target.tensor(geometry.targetShape, numbers.target.elementType), expected,
                "\(kernel.implementation) \(geometry) \(numbers)")
        }

        /// Large codes of one sign: pairs of products exceed 16 bits, so a saturating CPU path would show.
        @Test func largeSumsDoNotSaturate() throws {
            let geometry = MatMulGeometry(left: [3, 64], right: [64, 16])
            let left = Tensor([UInt8](repeating: 255, count: 192), shape: [3, 64])
            let right = Tensor([Int8](repeating: 127, count: 1024), shape: [64, 16])
            let kernel = try IntegerMatMulKernel(
                geometry,
                IntegerContraction(
                    source: .constant(AffineEncoding(.uint8, scale: 1)), filter: IntegerFilter(right.pointer, scales: [1]),
                    target: .accumulators))
            let target = Block([3, 16], .int32)
            try kernel.run(left: left.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            #expect(target.tensor([3, 16], .int32).integers() == [Int](repeating: 255 * 127 * 64, count: 48))
        }

        @Test func unsignedFilterWithZeroPointsIsDequantized() throws {
            var data = TestTensors(seed: 11)
            let geometry = MatMulGeometry(left: [4, 20], right: [20, 6])
            let (left, right) = (data.integers([4, 20], .uint8), data.integers([20, 6], .uint8))
            let zeroPoints: [Int32] = [0, 255, 128, 3, 100, 77]
            let kernel = try IntegerMatMulKernel(
                geometry,
                IntegerContraction(
                    source: .constant(AffineEncoding(.uint8, scale: 0.5, zeroPoint: 9)),
                    filter: IntegerFilter(right.pointer, .uint8, scales: [0.25], zeroPoints: zeroPoints), target: .accumulators))
            let target = Block([4, 6], .int32)
            try kernel.run(left: left.pointer, target: target.base, scratch: Block(kernel.scratchByteCount).base)
            let codes = right.doubles().enumerated().map { $0.element - Double(zeroPoints[$0.offset % 6]) }
            expectClose(
                target.tensor([4, 6], .int32), referenceMatMul(geometry, left.doubles().map { $0 - 9 }, codes), tolerance: 0)
        }
    }
}
