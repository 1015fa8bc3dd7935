internal import WinnowTensor

/// What the zero points of a filter take off a contraction: −z · scale · Σ (source − zero point) over what each target
/// position sees, laid out channels-last as a residual to add.
///
/// uint8 codes less a zero point need 9 bits. Less 128 they fit into int8, and the rest of the zero point is left to this.
struct FilterZeroPointTerm {
    private let geometry: ConvolutionGeometry
    private let layout: Layout
    private let source: IntegerSource
    /// −z · scale of each output channel.
    private let factors: [Float]
    private let sumsOffset: Int
    private let termOffset: Int

    /// A matrix product is a convolution of (rows, depth) without spatial axes.
    private init(
        _ geometry: ConvolutionGeometry, source: IntegerSource, layout: Layout, filter: IntegerFilter, scratch: inout ScratchLayout
    ) {
        self.geometry = geometry
        self.layout = layout
        self.source = source
        factors = (0..<geometry.filterShape[0]).map { Float(-filter.zeroPoint($0)) * filter.scale($0) }
        sumsOffset = scratch.reserve(geometry.sourceShape.elementCount / max(geometry.sourceShape[1], 1), of: .int32)
        termOffset = scratch.reserve(geometry.targetShape.elementCount, of: .float32)
    }

    /// A filter as int8 codes and the term that is then left, if any, which joins the epilogue; nil where it cannot.
    ///
    /// - Parameter channel: the output channel of each code.
    static func codes(
        of contraction: inout IntegerContraction, channel: (Int) -> Int, _ geometry: ConvolutionGeometry, layout: Layout,
        scratch: inout ScratchLayout
    ) -> (codes: Tensor, term: FilterZeroPointTerm?)? {
        let count = geometry.filterShape.elementCount
        let filter = contraction.filter
        if let codes = filter.symmetric(count: count, channel: channel) { return (codes, nil) }
        guard geometry.groups == 1, contraction.target != .accumulators, contraction.epilogue.residualType == nil else {
            return nil
        }
        contraction.epilogue.steps.insert(.addResidual(), at: 0)
        let (codes, shifted) = filter.shifted(count: count)
        let term = FilterZeroPointTerm(
            geometry, source: contraction.source, layout: layout, filter: shifted, scratch: &scratch)
        return (codes, term)
    }

    /// Writes the term for these codes into its part of the scratch memory. `encoding` is that of a dynamic source.
    func write(_ codes: UnsafeRawPointer, encoding: AffineEncoding?, scratch: UnsafeMutableRawPointer) -> UnsafeRawPointer {
        let encoding = encoding ?? source.known
        let sums = (scratch + sumsOffset).assumingMemoryBound(to: Int32.self)
        if encoding.elementType == .int8 {
            addChannels(codes.assumingMemoryBound(to: Int8.self), less: encoding.zeroPoint, to: sums)
        } else {
            addChannels(codes.assumingMemoryBound(to: UInt8.self), less: encoding.zeroPoint, to: sums)
        }
        let term = (scratch + termOffset).assumingMemoryBound(to: Float.self)
        spread(sums, scale: encoding.scale, to: term)
        return UnsafeRawPointer(term)
    }

    /// Sums over the channels at each position of the source.
    private func addChannels<Code: FixedWidthInteger>(
        _ codes: UnsafePointer<Code>, less zeroPoint: Int32, to sums: UnsafeMutablePointer<Int32>
    ) {
        let (count, channels) = (geometry.sourceShape[0], geometry.sourceShape[1])
        let positions = geometry.sourceShape.dropFirst(2).reduce(1, *)
        let isChannelsLast = layout == .channelsLast || positions == 1
        sums.update(repeating: -zeroPoint &* Int32(channels), count: count * positions)
        Parallel.forEach(count * positions, minimum: 1 << 16 / max(channels, 1)) { index in
            if isChannelsLast {
                let row = codes + index * channels
                for channel in 0..<channels { sums[index] &+= Int32(truncatingIfNeeded: row[channel]) }
            } else {
                let plane = codes + index / positions * channels * positions + index % positions
                for channel in 0..<channels { sums[index] &+= Int32(truncatingIfNeeded: plane[channel * positions]) }
            }
        }
    }

    /// For each position of the target the sum over its window, times each channel's factor.
    private func spread(_ sums: UnsafePointer<Int32>, scale: Float, to term: UnsafeMutablePointer<Float>) {
        let target = geometry.targetShape
        let channels = target[1]
        let positions = target.dropFirst(2).reduce(1, *)
        let window = Window(geometry)
        factors.withUnsafeBufferPointer { factors in
            Parallel.forEach(target[0] * positions, minimum: 1 << 15 / max(channels, 1)) { index in
                let sum = scale * Float(window.sum(sums + index / positions * window.sourceCount, at: index % positions))
                let row = term + index * channels
                for channel in 0..<channels { row[channel] = sum * factors[channel] }
            }
        }
    }
}

/// The taps of a convolution's filter over three spatial axes, those that are missing of extent 1.
private struct Window {
    private let source: (Int, Int, Int), target: (Int, Int, Int), taps: (Int, Int, Int)
    private let stride: (Int, Int, Int), dilation: (Int, Int, Int), pad: (Int, Int, Int)
    let sourceCount: Int

    init(_ geometry: ConvolutionGeometry) {
        func three(_ values: [Int], _ missing: Int = 1) -> (Int, Int, Int) {
            let all = [Int](repeating: missing, count: max(0, 3 - values.count)) + values
            return (all[0], all[1], all[2])
        }
        source = three(Array(geometry.sourceShape.dropFirst(2)))
        target = three(Array(geometry.targetShape.dropFirst(2)))
        taps = three(Array(geometry.filterShape.dropFirst(2)))
        stride = three(geometry.window.strides)
        dilation = three(geometry.window.dilations)
        pad = three(geometry.window.padsBegin, 0)
        sourceCount = source.0 * source.1 * source.2
    }

    /// The sum of what a target position sees; pads are zeros.
    func sum(_ values: UnsafePointer<Int32>, at position: Int) -> Int32 {
        let start = (
            position / (target.1 * target.2) * stride.0 - pad.0, position / target.2 % target.1 * stride.1 - pad.1,
            position % target.2 * stride.2 - pad.2
        )
        var sum: Int32 = 0
        for i in 0..<taps.0 {
            let x = start.0 + i * dilation.0
            guard x >= 0, x < source.0 else { continue }
            for j in 0..<taps.1 {
                let y = start.1 + j * dilation.1
                guard y >= 0, y < source.1 else { continue }
                for k in 0..<taps.2 {
                    let z = start.2 + k * dilation.2
                    if z >= 0, z < source.2 { sum &+= values[(x * source.1 + y) * source.2 + z] }
                }
            }
        }
        return sum
    }
}
