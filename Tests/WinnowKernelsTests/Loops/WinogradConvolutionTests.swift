import Testing
import WinnowKernels
import WinnowTensor

/// Convolutions by Winograd's minimal filtering, against plain loops.
struct WinogradConvolutionTests {
    fileprivate struct Case {
        let geometry: ConvolutionGeometry
        /// Images, rows, columns, channels.
        let source: [Float]
        /// Filters, channels, 3, 3.
        let filter: [Float]
        let bias: [Float]
        let residual: [Float]

        init(_ geometry: ConvolutionGeometry, generator: inout RandomGenerator) {
            func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1, using: &generator) } }
            self.geometry = geometry
            source = numbers(geometry.sourceShape.elementCount)
            filter = numbers(geometry.filterShape.elementCount)
            bias = numbers(geometry.filterShape[0])
            residual = numbers(geometry.targetShape.elementCount)
        }

        /// Before an epilogue; images, rows, columns, filters.
        var sums: [Double] {
            let (shape, target, pads) = (geometry.sourceShape, geometry.targetShape, geometry.window.padsBegin)
            var result: [Double] = []
            for image in 0..<target[0] {
                for row in 0..<target[2] {
                    for column in 0..<target[3] {
                        for output in 0..<target[1] {
                            var sum = Double(bias[output])
                            for tap in 0..<9 {
                                let (y, x) = (row + tap / 3 - pads[0], column + tap % 3 - pads[1])
                                guard (0..<shape[2]).contains(y), (0..<shape[3]).contains(x) else { continue }
                                for channel in 0..<shape[1] {
                                    let value = source[((image * shape[2] + y) * shape[3] + x) * shape[1] + channel]
                                    sum += Double(value) * Double(filter[(output * shape[1] + channel) * 9 + tap])
                                }
                            }
                            result.append(sum)
                        }
                    }
                }
            }
            return result
        }

        func run(side: Int, _ epilogue: Epilogue = .none, hasBias: Bool = true, isConstant: Bool = true) throws -> [Float] {
            try run(#require(WinogradConvolution(geometry, side: side)), epilogue, hasBias: hasBias, isConstant: isConstant)
        }

        func run(_ convolution: WinogradConvolution, _ epilogue: Epilogue = .none, hasBias: Bool = true, isConstant: Bool = true) throws -> [Float] {
            let kernel = try filter.withUnsafeBytes {
                try WinogradConvolutionKernel(convolution, filter: isConstant ? $0.baseAddress : nil, epilogue: epilogue)
            }
            var target = [Float](repeating: .nan, count: residual.count)
            let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernel.scratchByteCount, alignment: 64)
            defer { scratch.deallocate() }
            try target.withUnsafeMutableBytes { to in
                try bias.withUnsafeBytes { bias in
                    try residual.withUnsafeBytes { residual in
                        try filter.withUnsafeBytes { filter in
                            try source.withUnsafeBytes {
                                try kernel.run(
                                    source: $0.baseAddress!, filter: isConstant ? nil : filter.baseAddress,
                                    bias: hasBias ? bias.baseAddress : nil, residual: residual.baseAddress, target: to.baseAddress!,
                                    scratch: scratch)
                            }
                        }
                    }
                }
            }
            return target
        }
    }

    private func sample(_ generator: inout RandomGenerator, extents: ClosedRange<Int>) -> Case {
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        let channels = number(16...50)
        let window = WindowGeometry([3, 3], padsBegin: [number(0...2), number(0...2)], padsEnd: [number(0...2), number(0...2)])
        let geometry = ConvolutionGeometry(
            sourceShape: [number(1...3), channels, number(extents), number(extents)], filterShape: [number(16...50), channels, 3, 3],
            window: window)
        return Case(geometry, generator: &generator)
    }

    @Test func agreesWithPlainLoops() throws {
        var generator = RandomGenerator(seed: 7)
        for round in 0..<40 {
            let sample = sample(&generator, extents: 3...15)
            try sample.geometry.validate()
            let sums = sample.sums
            let scale = sums.map(\.magnitude).max() ?? 1
            for side in [2, 4] {
                let (epilogue, change): (Epilogue, (Double, Double) -> Double) = switch round % 4 {
                case 0: ([], { sum, _ in sum })
                case 1: ([.relu], { sum, _ in max(0, sum) })
                case 2: ([.addResidual(), .clip(low: -1, high: 2)], { sum, residual in min(2, max(-1, sum + residual)) })
                default: ([.relu, .addResidual()], { sum, residual in max(0, sum) + residual })
                }
                let results = try sample.run(side: side, epilogue, isConstant: round % 3 > 0)
                let errors = results.indices.map { (change(sums[$0], Double(sample.residual[$0])) - Double(results[$0])).magnitude }
                #expect((errors.max() ?? 0) < 5e-6 * scale, "\(sample.geometry), \(side)")
            }
        }
    }

    /// ⟨convolution(x), y⟩ = ⟨x, adjoint(y)⟩, with the same filter.
    @Test func adjointsAgree() throws {
        var generator = RandomGenerator(seed: 11)
        for round in 0..<20 {
            let sample = sample(&generator, extents: 3...15)
            let target = sample.geometry.targetShape
            let other = Case(sample.geometry.adjoint!, source: sample.residual, filter: sample.filter)
            for side in [2, 4] {
                let forward = try sample.run(side: side, hasBias: false)
                let convolution = try #require(WinogradConvolution(adjointOf: sample.geometry, side: side))
                let backward = try other.run(convolution, hasBias: false, isConstant: round % 2 == 0)
                let left = zip(forward, sample.residual).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                let right = zip(backward, sample.source).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                #expect(backward.count == sample.source.count)
                #expect((left - right).magnitude < 1e-5 * Double(target.elementCount) * Double(sample.geometry.filterShape[1]).squareRoot(), "\(sample.geometry)")
                #expect(sample.filter.withUnsafeBytes { convolution.error(of: $0.baseAddress!) } < 5e-6)
            }
        }
    }

    /// ⟨convolution(x, w), y⟩ = ⟨w, gradient(x, y)⟩, and every number beside plain loops.
    @Test func filterGradientsAgree() throws {
        var generator = RandomGenerator(seed: 13)
        for round in 0..<12 {
            let sample = sample(&generator, extents: round == 0 ? 60...70 : 3...15)
            for side in [2, 4] {
                let convolution = try #require(WinogradConvolution(sample.geometry, side: side))
                let (filter, bias) = try sample.gradients(convolution)
                let (sums, biases) = sample.gradientSums
                let scale = sums.map(\.magnitude).max() ?? 1
                #expect(zip(filter, sums).allSatisfy { (Double($0) - $1).magnitude < 1e-5 * scale }, "\(sample.geometry), \(side)")
                #expect(zip(bias, biases).allSatisfy { (Double($0) - $1).magnitude < 1e-4 }, "\(sample.geometry), \(side)")
            }
        }
    }

    /// Several blocks of tiles, of which the last begins earlier, with the same bytes whatever the number of threads.
    @Test func dividesTilesAndPlanes() throws {
        var generator = RandomGenerator(seed: 9)
        defer { ThreadCount.set(0) }
        let geometry = ConvolutionGeometry(
            sourceShape: [2, 64, 61, 58], filterShape: [32, 64, 3, 3], window: WindowGeometry([3, 3], padsBegin: [1, 1]))
        let sample = Case(geometry, generator: &generator)
        let sums = sample.sums
        let results = try [1, 2, 3].map { threads in
            ThreadCount.set(threads)
            return try sample.run(side: 4)
        }
        #expect(zip(sums, results[0]).allSatisfy { ($0 - Double($1)).magnitude < 1e-4 })
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    /// What is no number stays so, and the rest of an image is as it was.
    @Test func keepsWhatIsNotFinite() throws {
        var generator = RandomGenerator(seed: 3)
        let geometry = ConvolutionGeometry(
            sourceShape: [1, 16, 12, 12], filterShape: [16, 16, 3, 3], window: WindowGeometry([3, 3], padsBegin: [1, 1]))
        let whole = Case(geometry, generator: &generator)
        var source = whole.source
        source[16 * 5] = .nan
        let broken = Case(whole, source: source)
        let (results, plain) = (try broken.run(side: 4, [.relu]), try whole.run(side: 4, [.relu]))
        for row in 0..<12 {
            for column in 0..<12 {
                let place = (row * 12 + column) * 16
                if row < 2 && (4..<7).contains(column) { #expect(results[place].isNaN) }
                if row >= 4 { #expect(results[place] == plain[place]) }
            }
        }
    }

    /// Errors of usual filters are a hundredth of what is allowed; those of filters that are not finite are no less.
    @Test func tellsTheErrorOfFilters() throws {
        var generator = RandomGenerator(seed: 5)
        let sample = sample(&generator, extents: 8...8)
        let convolution = try #require(WinogradConvolution(sample.geometry, side: 4))
        let error = sample.filter.withUnsafeBytes { convolution.error(of: $0.baseAddress!) }
        #expect(error > 0 && error < 5e-6)
        var filter = [Float](repeating: 0, count: sample.filter.count)
        #expect(filter.withUnsafeBytes { convolution.error(of: $0.baseAddress!) } == 0)
        for index in filter.indices { filter[index] = index % 9 == 4 ? 1 : .infinity }
        #expect(!(filter.withUnsafeBytes { convolution.error(of: $0.baseAddress!) } < 1e-4))
    }
}

extension WinogradConvolutionTests.Case {
    /// Of filter and bias, where `residual` is the gradient of the results.
    func gradients(_ convolution: WinogradConvolution) throws -> (filter: [Float], bias: [Float]) {
        let kernel = try WinogradFilterGradientKernel(convolution, hasBias: true)
        var (filter, bias) = (self.filter.map { _ in Float.nan }, self.bias.map { _ in Float.nan })
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernel.scratchByteCount, alignment: 64)
        defer { scratch.deallocate() }
        try filter.withUnsafeMutableBytes { filter in
            try bias.withUnsafeMutableBytes { bias in
                try source.withUnsafeBytes { source in
                    try residual.withUnsafeBytes {
                        try kernel.run(
                            source: source.baseAddress!, targetGradient: $0.baseAddress!, filterGradient: filter.baseAddress!,
                            biasGradient: bias.baseAddress!, scratch: scratch)
                    }
                }
            }
        }
        return (filter, bias)
    }

    /// The same by plain loops.
    var gradientSums: (filter: [Double], bias: [Double]) {
        let (shape, target, pads) = (geometry.sourceShape, geometry.targetShape, geometry.window.padsBegin)
        var (filter, bias) = (self.filter.map { _ in 0.0 }, self.bias.map { _ in 0.0 })
        for pixel in 0..<(residual.count / target[1]) {
            let (image, row, column) = (pixel / (target[2] * target[3]), pixel / target[3] % target[2], pixel % target[3])
            for output in 0..<target[1] {
                let gradient = Double(residual[pixel * target[1] + output])
                bias[output] += gradient
                for tap in 0..<9 {
                    let (y, x) = (row + tap / 3 - pads[0], column + tap % 3 - pads[1])
                    guard (0..<shape[2]).contains(y), (0..<shape[3]).contains(x) else { continue }
                    for channel in 0..<shape[1] {
                        let value = source[((image * shape[2] + y) * shape[3] + x) * shape[1] + channel]
                        filter[(output * shape[1] + channel) * 9 + tap] += gradient * Double(value)
                    }
                }
            }
        }
        return (filter, bias)
    }

    fileprivate init(_ other: Self, source: [Float]) {
        (geometry, filter, bias, residual) = (other.geometry, other.filter, other.bias, other.residual)
        self.source = source
    }

    init(_ geometry: ConvolutionGeometry, source: [Float], filter: [Float]) {
        (self.geometry, self.source, self.filter) = (geometry, source, filter)
        bias = [Float](repeating: 0, count: geometry.filterShape[0])
        residual = [Float](repeating: 0, count: geometry.targetShape.elementCount)
    }
}
