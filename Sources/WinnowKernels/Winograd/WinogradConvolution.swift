internal import CWinnowKernels
internal import WinnowTensor

/// A 3×3 convolution of stride 1 whose results are made in square tiles with fewer multiplications (Winograd's minimal filtering; Lavin and
/// Gray, "Fast algorithms for convolutional neural networks", 2016): for 4 × 4 results of a channel 36 instead of 144.
///
/// Data and filters become (side + 2)² planes, of which each is one matrix product. What is not finite reaches all results of its tile.
package struct WinogradConvolution: Sendable {
    /// Results along a side of a tile: 2 or 4.
    package let side: Int
    let channels: Int
    private(set) var filters: Int
    private var images: Int
    private var source: (height: Int, width: Int)
    private var target: (height: Int, width: Int)
    private var pads: (top: Int, left: Int)
    /// Whether the filter is that of the convolution whose adjoint this is: (channels, filters, 3, 3), its taps in reverse.
    private var isAdjoint = false

    /// Those of a vector.
    private static let leastChannels = 16

    /// nil for other windows, groups, and fewer channels than a vector has. Channels come last in memory.
    package init?(_ geometry: ConvolutionGeometry, side: Int) {
        let (window, shape, result) = (geometry.window, geometry.sourceShape, geometry.targetShape)
        guard geometry.groups == 1, window.extents == [3, 3], window.strides == [1, 1], window.dilations == [1, 1],
            shape[1] >= Self.leastChannels, result[1] >= Self.leastChannels, result[0] > 0
        else { return nil }
        self.side = side
        (channels, filters, images) = (shape[1], result[1], shape[0])
        (source, target) = ((shape[2], shape[3]), (result[2], result[3]))
        pads = (window.padsBegin[0], window.padsBegin[1])
    }

    /// That with the tiles that are thought to take less time.
    package init?(_ geometry: ConvolutionGeometry) {
        let all = [4, 2].compactMap { WinogradConvolution(geometry, side: $0) }
        guard let best = all.min(by: { $0.cost() < $1.cost() }) else { return nil }
        self = best
    }

    /// What makes the gradient of a convolution's source of that of its results.
    package init?(adjointOf geometry: ConvolutionGeometry, side: Int? = nil) {
        guard let adjoint = geometry.adjoint,
            let convolution = side.map({ WinogradConvolution(adjoint, side: $0) }) ?? WinogradConvolution(adjoint)
        else { return nil }
        self = convolution
        isAdjoint = true
    }

    var resultCount: Int { images * target.height * target.width * filters }
    var productCount: Int { planeCount * tileCount * channels * filters }
    var planeCount: Int { (side + 2) * (side + 2) }
    private func tiles(_ extent: Int) -> Int { (extent + side - 1) / side }
    var tileCount: Int { images * tiles(target.height) * tiles(target.width) }

    private var filterByteCount: Int { filterCount * MemoryLayout<Float>.stride }
    /// Whether each block of tiles waits for the filters, which lie beyond the second cache.
    private var waitsForFilters: Bool { filterByteCount > 1_500_000 }

    /// How many times tiles go through all steps: so many together that their planes take no more memory than data and results, and half
    /// of a second cache of 2 MB, but enough for a product, and for the filters that are waited for.
    var blockCount: Int {
        let pixels = images * (source.height * source.width * channels + target.height * target.width * filters)
        let fitting = min(pixels * MemoryLayout<Float>.stride, 1 << 20) / (planeCount * (channels + filters) * MemoryLayout<Float>.stride)
        let wanted = max(fitting, min(tileCount, waitsForFilters ? 96 : 24), 1)
        return (tileCount + wanted - 1) / wanted
    }
    var blockSize: Int { (tileCount + blockCount - 1) / blockCount }

    /// Numbers from one plane to the next, of a block of tiles with so many numbers each: not a multiple of a page, where all planes
    /// would compete for the same lines of the first cache and take 1.5 times as long.
    func step(_ width: Int) -> Int { blockSize * width + (blockSize * width % 1024 < 64 ? 80 : 0) }

    /// Nanoseconds on one core, as measured on one with AVX-512 at 3.1 GHz.
    ///
    /// - Parameter isConstant: whether the filters' planes are made once.
    package func cost(isConstant: Bool = true) -> Double {
        let planes = Double(planeCount * tileCount)
        let (depth, width) = (Double(channels), Double(filters))
        let products = planes * depth * width / 80 * (1 + 24 / depth)
        let waiting = waitsForFilters ? Double(blockCount * filterByteCount) / 11 : 0
        // Beginning the product of a plane takes as long as 20,000 multiplications.
        let beginning = Double(blockCount * planeCount) * 250
        let making = isConstant ? 0 : depth * width * 7
        return products + waiting + beginning + planes * (0.2 * depth + 0.3 * width) + making
    }

    /// The same of the filter's gradient, of which every block adds to all planes.
    package var gradientCost: Double {
        cost(isConstant: false) + Double(blockCount * filterByteCount) / 11
    }

    func call() -> winnow_winograd {
        winnow_winograd(
            side: Int64(side), channels: Int64(channels), filters: Int64(filters), source_height: Int64(source.height),
            source_width: Int64(source.width), target_height: Int64(target.height), target_width: Int64(target.width),
            top: Int64(pads.top), left: Int64(pads.left), tile_rows: Int64(tiles(target.height)),
            tile_columns: Int64(tiles(target.width)), data_step: Int64(step(channels)), product_step: Int64(step(filters)))
    }

    /// The numbers of all planes of the filters.
    var filterCount: Int { planeCount * channels * filters }

    /// Makes the planes of float32 filters (filters, channels, 3, 3), each (channels, filters).
    func makePlanes(of filter: UnsafeRawPointer, in planes: UnsafeMutableRawPointer) {
        let (from, to) = (filter.assumingMemoryBound(to: Float.self), planes.assumingMemoryBound(to: Float.self))
        Parallel.forRanges(channels, minimum: max(1, (1 << 14) / (planeCount * filters))) { range in
            winnow_winograd_filter(
                Int64(side), from, Int64(filters), Int64(channels), isAdjoint ? 1 : 0, to, Int64(range.lowerBound), Int64(range.upperBound))
        }
    }

    /// Makes the gradient of the filters, (filters, channels, 3, 3), of that of their planes.
    func makeTaps(of planes: UnsafePointer<Float>, in filter: UnsafeMutablePointer<Float>) {
        Parallel.forRanges(channels, minimum: max(1, (1 << 14) / (planeCount * filters))) { range in
            winnow_winograd_taps(
                Int64(side), planes, Int64(filters), Int64(channels), filter, Int64(range.lowerBound), Int64(range.upperBound))
        }
    }

    /// The sums of a gradient, (images, rows, columns, filters), over all but filters.
    ///
    /// - Parameters:
    ///   - sums: room for `parts` times the filters.
    ///   - partial: the same.
    func addUp(
        _ gradient: UnsafePointer<Float>, in bias: UnsafeMutablePointer<Float>, parts: Int, _ sums: UnsafeMutablePointer<Double>,
        _ partial: UnsafeMutablePointer<Float>
    ) {
        let rows = images * target.height * target.width
        sums.update(repeating: 0, count: parts * filters)
        Parallel.forParts(parts) { part in
            let (first, last) = (rows * part / parts, rows * (part + 1) / parts)
            winnow_channel_sums(gradient + first * filters, sums + part * filters, partial + part * filters, last - first, filters)
        }
        for filter in 0..<filters { bias[filter] = Float((0..<parts).reduce(0) { $0 + sums[$1 * filters + filter] }) }
    }

    /// Where the weight of a filter's channel and tap lies.
    private func place(_ output: Int, _ channel: Int, _ tap: Int) -> Int {
        isAdjoint ? (channel * filters + output) * 9 + 8 - tap : (output * channels + channel) * 9 + tap
    }
}

extension WinogradConvolution {
    /// The largest error that some of the filters make with random data, in parts of the largest result: that of float32, beside
    /// products in float64.
    package func error(of filter: UnsafeRawPointer) -> Double {
        let few = Self.leastChannels
        var sample = self
        (sample.filters, sample.isAdjoint) = (few, false)
        (sample.images, sample.source, sample.target, sample.pads) = (1, (side + 2, side + 2), (side, side), (0, 0))
        let size = channels * 9
        var generator = RandomGenerator(seed: 1)
        let count = planeCount * channels
        let data = (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
        let weights = UnsafeBufferPointer(start: filter.assumingMemoryBound(to: Float.self), count: filters * size)
        var chosen: [Float] = []
        for index in 0..<few {
            for place in 0..<size { chosen.append(weights[self.place(index * filters / few, place / 9, place % 9)]) }
        }
        let results = sample.results(data, chosen)
        var (error, scale) = (0.0, 0.0)
        for place in 0..<(side * side) {
            let (row, column) = (place / side, place % side)
            for output in 0..<few {
                var sum = 0.0
                for tap in 0..<9 {
                    let start = ((row + tap / 3) * (side + 2) + column + tap % 3) * channels
                    for channel in 0..<channels {
                        let weight = chosen[output * size + channel * 9 + tap]
                        sum += Double(data[start + channel]) * Double(weight)
                    }
                }
                let result = Double(results[place * few + output])
                guard result.isFinite else { return .infinity }
                error = max(error, (sum - result).magnitude)
                scale = max(scale, sum.magnitude)
            }
        }
        return error == 0 ? 0 : error / scale
    }

    /// What one tile gives, by plain products.
    private func results(_ data: [Float], _ filter: [Float]) -> [Float] {
        var call = call()
        (call.data_step, call.product_step) = (Int64(channels), Int64(filters))
        var planes = [Float](repeating: 0, count: planeCount * channels)
        var products = [Float](repeating: 0, count: planeCount * filters)
        var results = [Float](repeating: 0, count: side * side * filters)
        var factors = [Float](repeating: 0, count: filterCount)
        factors.withUnsafeMutableBytes { planes in
            filter.withUnsafeBytes { filter in
                if let filter = filter.baseAddress, let planes = planes.baseAddress { makePlanes(of: filter, in: planes) }
            }
        }
        winnow_winograd_data(&call, data, &planes, 0, 0, 1)
        for plane in 0..<planeCount {
            for channel in 0..<channels {
                let (value, row) = (planes[plane * channels + channel], (plane * channels + channel) * filters)
                for output in 0..<filters { products[plane * filters + output] += value * factors[row + output] }
            }
        }
        var end = winnow_winograd_end(bias: nil, residual: nil, low: -.infinity, high: .infinity)
        winnow_winograd_results(&call, products, &end, &results, 0, 0, 1)
        return results
    }
}
