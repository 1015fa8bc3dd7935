internal import CWinnowKernels
import WinnowTensor

/// A convolution, or a matrix product, with a constant filter of which many weights may be zero: where they lie, and what it costs to leave
/// them out. Channels come last in memory; what a zero meets counts nothing, whatever it is.
package struct SparseProduct: Sendable {
    let outputs: Int
    /// Channels of the source.
    let depth: Int
    let images: Int
    let source: (height: Int, width: Int)
    let target: (height: Int, width: Int)
    let filter: (height: Int, width: Int)
    let strides: (row: Int, column: Int)
    let dilations: (row: Int, column: Int)
    let pads: (top: Int, left: Int)
    /// How far apart weights are for neighbouring outputs, channels and taps.
    let steps: (output: Int, channel: Int, tap: Int)

    /// nil for groups and for three spatial axes.
    package init?(_ geometry: ConvolutionGeometry) {
        guard geometry.groups == 1, geometry.spatialRank <= 2 else { return nil }
        let (shape, window, result) = (geometry.sourceShape, geometry.window, geometry.targetShape)
        func pair(_ values: [Int], _ first: Int) -> (Int, Int) { values.count == 1 ? (first, values[0]) : (values[0], values[1]) }
        (outputs, depth, images) = (geometry.filterShape[0], shape[1], shape[0])
        source = pair(Array(shape.dropFirst(2)), 1)
        target = pair(Array(result.dropFirst(2)), 1)
        filter = pair(window.extents, 1)
        strides = pair(window.strides, 1)
        dilations = pair(window.dilations, 1)
        pads = pair(window.padsBegin, 0)
        let taps = filter.height * filter.width
        steps = (depth * taps, taps, 1)
    }

    /// Rows of data times one matrix; nil for other products.
    package init?(_ geometry: MatMulGeometry) {
        let geometry = geometry.folded
        guard !geometry.transposesLeft, geometry.leftShape.rank == 2, geometry.rightShape.rank == 2 else { return nil }
        (outputs, depth, images) = (geometry.columns, geometry.depth, 1)
        (source, target) = ((1, geometry.rows), (1, geometry.rows))
        (filter, strides, dilations, pads) = ((1, 1), (1, 1), (1, 1), (0, 0))
        steps = geometry.transposesRight ? (depth, 1, 1) : (1, outputs, 1)
    }

    var taps: Int { filter.height * filter.width }
    private var pixels: Int { images * target.height * target.width }
    var weightCount: Int { outputs * taps * depth }
    var resultCount: Int { pixels * outputs }
    func tiles(_ vectors: Int) -> Int { (pixels + 16 * vectors - 1) / (16 * vectors) }

    /// Calls `body` with the number of each output, and of each tap and channel of it, and where its weight lies.
    ///
    /// - Parameter places: the numbers of taps and channels that count; nil: all.
    @inline(__always)
    func forEachWeight(
        in places: Range<Int>? = nil, step: Int = 1, _ body: (_ output: Int, _ place: Int, _ index: Int) -> Void
    ) {
        let places = (places ?? 0..<Int.max).clamped(to: 0..<(taps * depth))
        for output in 0..<outputs {
            var (tap, channel) = places.lowerBound.quotientAndRemainder(dividingBy: max(1, depth))
            for place in stride(from: places.lowerBound, to: places.upperBound, by: step) {
                body(output, place, output * steps.output + tap * steps.tap + channel * steps.channel)
                channel += step
                if channel >= depth { (tap, channel) = (tap + 1, 0) }
            }
        }
    }

    /// The part of float32 weights that is not zero.
    package func density(of weights: UnsafeRawPointer) -> Double { Double(nonzeroCount(of: weights)) / Double(max(1, weightCount)) }

    func nonzeroCount(of weights: UnsafeRawPointer) -> Int {
        let weights = UnsafeBufferPointer(start: weights.assumingMemoryBound(to: Float.self), count: weightCount)
        return weights.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
    }
}

extension SparseProduct {
    /// What was measured on a core with AVX-512 at 3.1 GHz, in nanoseconds: for a weight of a tile of one vector, two, three (taken as between
    /// its neighbours) and four, and an output of it.
    private struct Rates {
        var weights: [Double]
        var output: Double
        /// Multiplications that the dense kernel does, and channels below which it does half as many.
        var dense: Double
        var half: Double

        static let floats = Rates(weights: [0.5, 0.72, 1.1, 1.43], output: 4, dense: 80, half: 24)
        static let codes = Rates(weights: [0.5, 0.75, 0.95, 1.2], output: 2.4, dense: 300, half: 48)
        /// Turning sixteen words of sixteen pixels so that pixels are neighbours: of rows that follow each other, or gathered for a tap.
        static let turning = 30.0
        static let gathering = 90.0
    }

    /// Whether pixels of the result are those of the source, one after the other.
    private var isFlat: Bool { taps == 1 && strides == (1, 1) && pads == (0, 0) && target == source }

    private func cost(_ weights: Int, _ rates: Rates, vectors: Int, isCodes: Bool) -> Double {
        func sixteens(_ count: Int) -> Double { Double((count + 15) / 16) }
        let filling = Double(taps) * sixteens(isCodes ? depth / 4 : depth) * (isFlat ? Rates.turning : Rates.gathering)
        let emptying = isCodes ? 0 : sixteens(outputs) * Rates.turning
        let blocks = isCodes ? 1 : winnow_sparse_blocks(taps * depth, Int32(vectors))
        func tile(_ used: Int) -> Double {
            let perOutput = isCodes ? rates.output * Double(used) : rates.output * Double(blocks)
            return Double(weights) * rates.weights[used - 1] + Double(outputs) * perOutput + Double(used) * (filling + emptying)
        }
        let (whole, rest) = pixels.quotientAndRemainder(dividingBy: 16 * vectors)
        return Double(whole) * tile(vectors) + (rest > 0 ? tile((rest + 15) / 16) : 0)
    }

    /// How many vectors of pixels a tile best has for so many weights that are not zero, or blocks of codes, and the nanoseconds it takes.
    func best(_ weights: Int, isCodes: Bool) -> (vectors: Int, cost: Double) {
        let rates = isCodes ? Rates.codes : Rates.floats
        let costs = [1, 2, 4].map { (vectors: $0, cost: cost(weights, rates, vectors: $0, isCodes: isCodes)) }
        return costs.dropFirst().reduce(costs[0]) { $1.cost < $0.cost ? $1 : $0 }
    }

    /// Nanoseconds where that part of float32 weights is not zero.
    package func cost(density: Double) -> Double { best(Int(density * Double(weightCount)), isCodes: false).cost }

    /// Nanoseconds of the product with all weights.
    package func denseCost(isCodes: Bool = false) -> Double {
        let rates = isCodes ? Rates.codes : Rates.floats
        let length = Double(taps * depth)
        let products = Double(pixels * outputs) * length / rates.dense * (1 + rates.half / length)
        // What a row of data or a few take to read the filter: 30 bytes a nanosecond from beyond the second cache.
        let bytes = Double(outputs) * length * (isCodes ? 1 : 4)
        return max(products, bytes / (bytes > 1_500_000 ? 30 : 80))
    }
}
