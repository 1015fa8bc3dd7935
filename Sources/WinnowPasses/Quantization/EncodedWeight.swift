import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// A weight as codes, and what the codes stand for: the one form that every way of storing weights starts from, and that is
/// recognised in a graph again.
package struct EncodedWeight: Sendable, Equatable {
    package enum Meaning: Sendable, Equatable {
        /// scale · (code − zero point)
        case affine(QuantizationParameters)
        /// The number that a table has at the code, times the scale that broadcasts to it from a tensor of as many axes as the codes
        /// have; nil: as it is.
        case table([Float], scales: Tensor?)
        /// Numbers, or vectors of numbers, of palettes that channels have.
        case words(CodeWords)
    }

    package let shape: Shape
    /// Integers; where blocks do not follow the weight's axes, in another shape than it has, in the same order.
    package let codes: Tensor
    package let meaning: Meaning

    /// Each number of a float32 weight as the nearest code.
    package init(_ weight: Tensor, _ parameters: QuantizationParameters) {
        shape = weight.shape
        let codes = parameters.quantize(weight)
        self.codes = (parameters.form.map { codes.reshaped($0) } ?? codes).spilled()
        meaning = .affine(parameters)
    }

    /// Indices of a table, in 4 bits for tables of up to 16 numbers, in 8 bits for larger ones.
    package init(codes: [UInt8], form: Shape, shape: Shape, table: [Float], scales: Tensor? = nil) {
        self.shape = shape
        self.codes = Tensor(codes: codes, shape: form, table.count <= 16 ? .uint4 : .uint8).spilled()
        meaning = .table(table, scales: scales)
    }

    init(codes: Tensor, shape: Shape, _ meaning: Meaning) {
        (self.codes, self.shape, self.meaning) = (codes, shape, meaning)
    }

    /// The bytes of codes, table, scales and zero points.
    package var byteCount: Int {
        switch meaning {
        case .affine(let parameters): parameters.byteCount(for: shape)
        case .table(let table, let scales): codes.byteCount + 4 * table.count + (scales?.byteCount ?? 0)
        case .words(let words): codes.byteCount + words.byteCount
        }
    }

    /// The numbers that some of the codes stand for.
    package func numbers(in piece: Range<Int>) -> [Double] {
        switch meaning {
        case .affine(let parameters): return parameters.numbers(of: codes, in: piece).map(Double.init)
        case .table(let table, let scales):
            let numbers = codes.doubles(in: piece).map { table[Int($0)] }
            guard let scales else { return numbers.map { Double($0) } }
            let (factors, place) = (scales.floats(), BroadcastPlace(of: scales.shape, in: codes.shape))
            return zip(piece, numbers).map { Double($1 * factors[place($0)]) }
        case .words(let words): return words.numbers(of: codes, shape, in: piece)
        }
    }

    /// All numbers, as float32.
    package var decoded: Tensor {
        let pieces = stride(from: 0, to: shape.elementCount, by: 1 << 16).lazy.map { $0..<min($0 + 1 << 16, shape.elementCount) }
        return Tensor(pieces.flatMap { numbers(in: $0).map { Float($0) } }, shape: shape)
    }
}

/// Which element of a tensor that broadcasts along some axes meets an element of the tensor it broadcasts to.
private struct BroadcastPlace {
    private let steps: [(stride: Int, extent: Int, step: Int)]

    init(of small: Shape, in large: Shape) {
        let (strides, steps) = (large.strides, small.strides)
        self.steps = large.indices.compactMap { small[$0] == 1 ? nil : (strides[$0], large[$0], steps[$0]) }
    }

    func callAsFunction(_ element: Int) -> Int { steps.reduce(0) { $0 + element / $1.stride % $1.extent * $1.step } }
}

extension QuantizationScheme {
    /// A float32 weight as codes, and why more numbers share a scale than was asked for.
    package func encoded(_ weight: Tensor, channelAxis: Int?, inputAxis: Int?) -> (encoded: EncodedWeight, reason: String?) {
        switch levels {
        case .symmetric, .affine:
            let (parameters, reason) = parameters(for: weight, channelAxis: channelAxis, inputAxis: inputAxis)
            return (EncodedWeight(weight, parameters), reason)
        case .palette:
            let form = PaletteForm(bits: bits, groupSize: 0, vectorSize: 1, start: .linear, seed: 0)
            return form.encoded(weight, counts: nil, channelAxis: channelAxis)
        case .format(let format):
            var (placement, reason) = granularity.placement(in: weight.shape, channelAxis: channelAxis, inputAxis: inputAxis)
            if !placement.isEven {
                let asked = placement
                placement = asked.even
                // A scale of a short block would outweigh its codes.
                if scales.elementType.bitWidth > placement.blockCount * elementType.bitWidth { placement = asked.evenAndLonger }
                if placement.blockText != asked.blockText {
                    reason = "blocks of \(placement.blockText): \(asked.askedText) do not divide \(asked.extentText)"
                }
            }
            return (encoded(weight, format, placement), reason)
        }
    }

    private func encoded(_ weight: Tensor, _ format: NumberFormat, _ placement: ScalePlacement) -> EncodedWeight {
        let layout = ScaleLayout(axis: placement.axis, blockSize: placement.blockSize, of: placement.form)
        let (form, shared) = placement.split
        return weight.withElements(Float.self) { values in
            var maxima = [Float](repeating: 0, count: layout.scaleCount)
            layout.forEachRun(in: values.indices) { run, place in
                for i in run {
                    let place = place + layout.scaleStep * (i - run.lowerBound)
                    maxima[place] = max(maxima[place], values[i].magnitude)
                }
            }
            let leaders = placement.leaders
            let (kind, found, factor) = self.scales.held(for: maxima.largest(of: leaders), limit: format.limit, format)
            let steps = found.map { $0 * factor }
            let nearest = format.nearest
            var codes = [UInt8](repeating: 0, count: values.count)
            layout.forEachRun(in: values.indices) { run, place in
                for i in run { codes[i] = nearest(values[i] / steps[place + layout.scaleStep * (i - run.lowerBound)]) }
            }
            let extents = form.indices.map { shared.contains($0) ? 1 : form[$0] }
            let own = leaders.map { leaders in leaders.indices.filter { leaders[$0] == $0 }.map { found[$0] } } ?? found
            let scales = Tensor(own, shape: Shape(extents)).converted(to: kind.elementType)
            return EncodedWeight(
                codes: codes, form: form, shape: weight.shape, table: format.levels.map { $0 * factor }, scales: scales.spilled())
        }
    }
}
