package import WinnowGraph
package import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// A convolution, transposed or not, as several: each group by itself, with the same ranks.
package struct ConvolutionDecomposition: LayerDecomposition {
    private let op: any PartedConvolution
    private let filters: [Filter]
    private let splits: [any ConvolutionSplit]
    package let spectra: [Spectrum]

    /// - Parameter metrics: one for each group; none: all elements count alike.
    package init(
        _ op: any PartedConvolution, _ weight: Tensor, by kind: any ConvolutionSplit.Type, metrics: [InputMetric]
    ) throws(Refusal) {
        self.op = op
        let filters = op.filters(of: weight, metrics: metrics)
        var splits: [any ConvolutionSplit] = []
        for filter in filters { splits.append(try kind.init(filter)) }
        guard let first = splits.first else { throw Refusal("it has no outputs") }
        (self.filters, self.splits) = (filters, splits)
        spectra = first.spectra.indices.map { mode in Spectrum(sumOf: splits.map { $0.spectra[mode] }) }
        let parts = first.parts(spectra.map(\.count))
        guard parts.contains(where: { $0.axes.count == filters[0].taps.count }) || op.hasSeparableWindow else {
            throw Refusal("its output shape is given, which says nothing of its parts")
        }
    }

    package func outline(_ ranks: [Int]) -> [LayerOutline] {
        (splits.first?.parts(ranks) ?? []).map { op.outline($0, groups: splits.count) }
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors {
        let parts = splits.first?.parts(ranks) ?? []
        var elements = [[Float]](repeating: [], count: parts.count)
        var (energy, total, error, all) = (0.0, 0.0, 0.0, 0.0)
        for (filter, split) in zip(filters, splits) {
            var factors = try split.factors(ranks)
            let own = filter.fit(&factors)
            (energy, total) = (energy + own * factors.energy, total + own)
            error += (filter.matrix - factors.last * factors.basis).squareSum
            all += filter.matrix.squareSum
            for (place, matrix) in (factors.hidden + [factors.last]).enumerated() {
                elements[place] += op.stored(Tensor(matrix.elements, shape: parts[place].shape), parts[place]).floats()
            }
        }
        let weights = zip(elements, outline(ranks)).map { Tensor($0, shape: $1.shape) }
        return LayerFactors(
            weights: weights, energy: energy / max(total, .leastNormalMagnitude),
            relativeError: (error / max(all, .leastNormalMagnitude)).squareRoot())
    }
}

extension Filter {
    /// Fits the last layer's weight to what counts of the filter, where that is not its elements alike; all that counts.
    fileprivate func fit(_ factors: inout FilterFactors) -> Double {
        guard let metric else { return matrix.squareSum }
        func error(_ last: Matrix<Float>, _ basis: Matrix<Float>) -> Double {
            metric.squaredError(matrix, last * basis)
        }
        var least = error(factors.last, factors.basis)
        if let last = metric.leastSquares(matrix, on: factors.basis), case let other = error(last, factors.basis),
            other < least
        {
            (factors.last, least) = (last, other)
        }
        let total = metric.weighted(matrix).squareSum
        factors.energy = 1 - least / max(total, .leastNormalMagnitude)
        return total
    }
}

/// A convolution whose window is a product of windows along its axes.
package protocol PartedConvolution: SlidingContraction {
    /// Whether parts of the window along single axes together reach as far as the whole.
    var hasSeparableWindow: Bool { get }
    /// Whether the stored weight has inputs before outputs.
    var storesInputsFirst: Bool { get }
    /// The convolution along some of the axes, 1 wide along the others.
    func sliding(along axes: Range<Int>, taps: [Int], groups: Int) -> any Operator
}

extension PartedConvolution {
    /// A part's layer for all groups of a convolution.
    fileprivate func outline(_ part: FilterPart, groups: Int) -> LayerOutline {
        let (shape, taps) = (part.shape, Array(part.shape.dropFirst(2)))
        let count = groups * (part.isDepthwise ? shape[0] : 1)
        guard !part.axes.isEmpty else {
            let rank = taps.count
            return LayerOutline(
                op: Conv(stride: 1, padding: 0, groups: count, rank: rank),
                shape: Shape([groups * shape[0], shape[1]] + taps))
        }
        let isTurned = storesInputsFirst && !part.isDepthwise
        let extents = isTurned ? [groups * shape[1], shape[0]] : [groups * shape[0], shape[1]]
        return LayerOutline(op: sliding(along: part.axes, taps: taps, groups: count), shape: Shape(extents + taps))
    }

    /// A group's weight as the part's layer stores it.
    fileprivate func stored(_ weight: Tensor, _ part: FilterPart) -> Tensor {
        guard storesInputsFirst, !part.axes.isEmpty, !part.isDepthwise else { return weight }
        return weight.transposed([1, 0] + Array(2..<weight.rank))
    }

    fileprivate func filters(of weight: Tensor, metrics: [InputMetric]) -> [Filter] {
        let taps = Array(weight.shape.dropFirst(2))
        let count = weight.shape[0] / max(1, groups)
        let size = count * weight.shape.dropFirst().reduce(1, *)
        let elements = weight.elements(Float.self) ?? []
        return (0..<groups).map { group in
            let own = Tensor(
                Array(elements[(group * size)..<((group + 1) * size)]), shape: Shape([count, weight.shape[1]] + taps))
            let filter = storesInputsFirst ? own.transposed([1, 0] + Array(2..<weight.rank)) : own
            let depth = filter.shape.dropFirst().reduce(1, *)
            return Filter(
                Matrix(filter.floats(), rows: filter.shape[0], columns: depth), taps: taps,
                metric: metrics.count == groups ? metrics[group] : nil)
        }
    }
}

extension Conv: PartedConvolution {
    package var hasSeparableWindow: Bool { true }
    package var storesInputsFirst: Bool { false }

    package func sliding(along axes: Range<Int>, taps: [Int], groups: Int) -> any Operator {
        Conv(window: window.along(axes, taps: taps), groups: groups)
    }
}

extension ConvTranspose: PartedConvolution {
    package var hasSeparableWindow: Bool { outputShape == nil }
    package var storesInputsFirst: Bool { true }

    package func sliding(along axes: Range<Int>, taps: [Int], groups: Int) -> any Operator {
        ConvTranspose(
            window: window.along(axes, taps: taps), groups: groups,
            outputPadding: outputPadding.map {
                $0.indices.map { axis in axes.contains(axis) ? outputPadding?[axis] ?? 0 : 0 }
            },
            outputShape: outputShape)
    }
}

extension Window {
    /// The window along some of its axes, 1 wide along the others.
    fileprivate func along(_ axes: Range<Int>, taps: [Int]) -> Window {
        guard axes.count < taps.count else { return self }
        func kept(_ values: [Int]?, _ other: Int) -> [Int] {
            taps.indices.map { axes.contains($0) ? values?[$0] ?? other : other }
        }
        let ends = pads.map { Array($0.dropFirst(taps.count)) }
        return Window(
            extents: taps, strides: kept(strides, 1), dilations: kept(dilations, 1),
            pads: autoPad == .explicit ? kept(pads, 0) + kept(ends, 0) : nil, autoPad: autoPad)
    }
}
