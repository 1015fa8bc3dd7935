package import WinnowTensor

/// Which numbers of a weight share a scale: slices, or runs of `blockSize`, along an axis of the weight in a shape that keeps the
/// numbers' order; of blocks of two axes the runs of several slices.
package struct ScalePlacement: Hashable, Sendable {
    package var form: Shape
    /// nil: all share one.
    package var axis: Int?
    package var blockSize = 0
    /// What makes runs blocks of two axes.
    package var slices: SharedSlices?

    package init(_ form: Shape, axis: Int? = nil, blockSize: Int = 0, slices: SharedSlices? = nil) {
        (self.form, self.axis, self.blockSize, self.slices) = (form, axis, blockSize, slices)
    }

    /// The axes that have blocks, and how long those are.
    private var blocks: [(axis: Int, size: Int)] {
        guard let axis, blockSize > 0 else { return [] }
        return [(axis, blockSize)] + (slices.map { [($0.axis, $0.count)] } ?? [])
    }

    /// Whether blocks are equally long.
    package var isEven: Bool { blocks.allSatisfy { form[$0.axis] % $0.size == 0 } }

    /// The same with the longest blocks up to `blockSize` that divide the axis, so that a table's scales can be multiplied with it.
    package var even: ScalePlacement {
        resized { extent, size in extent <= size ? extent : (1...size).last { extent % $0 == 0 } ?? 1 }
    }

    /// The same with the shortest blocks of at least `blockSize` that divide the axis.
    var evenAndLonger: ScalePlacement { resized { extent, size in (min(size, extent)...extent).first { extent % $0 == 0 } ?? extent } }

    /// The same with blocks that do not divide their axis made `size(extent, size)` long.
    private func resized(_ size: (Int, Int) -> Int) -> ScalePlacement {
        var result = self
        func fitting(_ axis: Int, _ own: Int) -> Int { form[axis] % own == 0 ? own : size(form[axis], own) }
        if let axis, blockSize > 0 { result.blockSize = fitting(axis, blockSize) }
        if let slices { result.slices?.count = fitting(slices.axis, slices.count) }
        return result
    }

    /// The numbers of a block, none longer than its axis: `16`, or `16x32` of slices and runs.
    var blockText: String { text { min($0.size, form[$0.axis]) } }
    /// The same, however long.
    var askedText: String { text { $0.size } }
    /// The extents of their axes.
    var extentText: String { text { form[$0.axis] } }

    private func text(_ number: ((axis: Int, size: Int)) -> Int) -> String {
        blocks.reversed().map { "\(number($0))" }.joined(separator: "x")
    }

    /// The numbers that share a scale in blocks.
    var blockCount: Int { blocks.reduce(1) { $0 * $1.size } }

    /// The weight with each block along an axis of its own, and those axes; all where all numbers share one.
    package var split: (form: Shape, shared: [Int]) {
        guard let axis else { return (form, Array(form.indices)) }
        guard blockSize > 0 else { return (form, form.indices.filter { $0 != axis }) }
        var (extents, shared) = (Array(form), [Int]())
        for (axis, size) in blocks.sorted(by: { $0.axis < $1.axis }) {
            let place = axis + shared.count
            extents.replaceSubrange(place...place, with: [form[axis] / size, size])
            shared.append(place + 1)
        }
        return (Shape(extents), shared)
    }

    /// Scales as a tensor has them: a scalar, one number a slice, or the form counted in runs.
    var scaleShape: Shape {
        guard let axis else { return [] }
        var blocks = form
        guard blockSize > 0 else { return [form[axis]] }
        blocks[axis] = (form[axis] + blockSize - 1) / blockSize
        return blocks
    }

    /// For each scale the first of those that are the same in a block of two axes; nil: each is by itself.
    var leaders: [Int]? {
        guard let slices, blockSize > 0 else { return nil }
        let shape = scaleShape
        let step = shape.strides[slices.axis]
        return (0..<shape.elementCount).map { $0 - $0 / step % shape[slices.axis] % slices.count * step }
    }
}

/// Slices along another axis than that of runs, of which so many in a row have the same scales. ONNX has blocks along one axis only: their
/// scales are stored again for each slice.
package struct SharedSlices: Hashable, Sendable {
    package var axis: Int
    package var count: Int

    package init(axis: Int, count: Int) { (self.axis, self.count) = (axis, count) }
}

extension Array where Element == Float {
    /// What leaders lead, as the largest of it.
    func largest(of leaders: [Int]?) -> [Float] {
        guard let leaders else { return self }
        var result = self
        for (place, leader) in leaders.enumerated() { result[leader] = Swift.max(result[leader], self[place]) }
        return leaders.map { result[$0] }
    }
}

extension QuantizationScheme.Granularity {
    /// Where scales lie in a weight, and why more numbers share one than was asked for.
    ///
    /// - Parameters:
    ///   - channelAxis: of outputs; nil: the layer does not tell it.
    ///   - inputAxis: that the layer sums over; nil in a weight that is no matrix: it has no blocks.
    ///   - objection: why the channels of this weight must share a scale.
    package func placement(
        in shape: Shape, channelAxis: Int?, inputAxis: Int? = nil, objection: String? = nil
    ) -> (placement: ScalePlacement, reason: String?) {
        switch self {
        case .tensor: return (ScalePlacement(shape), nil)
        case .run(let size):
            let count = shape.elementCount
            guard size > 0 else { return (ScalePlacement([1, count], axis: 0), nil) }
            guard count % size == 0 else {
                return (ScalePlacement([1, count], axis: 0), "one scale: \(count) weights are no multiple of \(size)")
            }
            return (ScalePlacement([count / size, size], axis: 0), nil)
        case .channel:
            if let channelAxis, objection == nil { return (ScalePlacement(shape, axis: channelAxis), nil) }
            return (ScalePlacement(shape), objection ?? "one scale for the tensor: its axes do not tell the channels")
        case .matrixBlock(let block): return Self.block(block).placement(in: shape, channelAxis: channelAxis, objection: objection)
        case .block(let block):
            if objection == nil, let axis = channelAxis, let summed = shape.rank == 2 ? 1 - axis : inputAxis {
                return (Self.blocks(of: block, along: summed, channels: axis, in: shape), nil)
            }
            let placement = ScalePlacement(shape, axis: objection == nil ? channelAxis : nil)
            return (placement, objection ?? "a scale a channel: blocks need a matrix")
        }
    }

    /// Blocks of a filter go through inputs and taps alike where its inputs do not fill them. Columns of outputs are runs of their own.
    private static func blocks(of block: ScaleBlock, along axis: Int, channels: Int, in shape: Shape) -> ScalePlacement {
        guard block.outputs == 1 || block.inputs > 1 else { return ScalePlacement(shape, axis: channels, blockSize: block.outputs) }
        let slices = block.outputs > 1 ? SharedSlices(axis: channels, count: block.outputs) : nil
        let taps = shape.dropFirst(2).reduce(1, *)
        guard channels == 0, axis == 1, taps > 1, shape[1] % block.inputs != 0 else {
            return ScalePlacement(shape, axis: axis, blockSize: block.inputs, slices: slices)
        }
        return ScalePlacement([shape[0], shape[1] * taps], axis: 1, blockSize: block.inputs, slices: slices)
    }
}
