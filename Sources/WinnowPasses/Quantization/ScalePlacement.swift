package import WinnowTensor

/// Which numbers of a weight share a scale: slices, or runs of `blockSize`, along an axis of the weight in a shape that keeps the
/// numbers' order.
package struct ScalePlacement: Hashable, Sendable {
    package var form: Shape
    /// nil: all share one.
    package var axis: Int?
    package var blockSize = 0

    package init(_ form: Shape, axis: Int? = nil, blockSize: Int = 0) {
        (self.form, self.axis, self.blockSize) = (form, axis, blockSize)
    }

    /// Whether blocks are equally long.
    package var isEven: Bool { axis.map { blockSize == 0 || form[$0] % blockSize == 0 } ?? true }

    /// The same with the longest blocks up to `blockSize` that divide the axis, so that a table's scales can be multiplied with it.
    package var even: ScalePlacement {
        guard let axis, !isEven else { return self }
        let extent = form[axis]
        let size = extent <= blockSize ? extent : (1...blockSize).last { extent % $0 == 0 } ?? 1
        return ScalePlacement(form, axis: axis, blockSize: size)
    }

    /// The same with the shortest blocks of at least `blockSize` that divide the axis.
    var evenAndLonger: ScalePlacement {
        guard let axis, !isEven else { return self }
        let extent = form[axis]
        let size = (min(blockSize, extent)...extent).first { extent % $0 == 0 } ?? extent
        return ScalePlacement(form, axis: axis, blockSize: size)
    }

    /// The weight with each block along an axis of its own, and that axis; nil: all numbers share one.
    package var split: (form: Shape, shared: [Int]) {
        guard let axis else { return (form, Array(form.indices)) }
        guard blockSize > 0 else { return (form, form.indices.filter { $0 != axis }) }
        var extents = Array(form)
        extents.replaceSubrange(axis...axis, with: [form[axis] / blockSize, blockSize])
        return (Shape(extents), [axis + 1])
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
        case .matrixBlock(let size): return Self.block(size).placement(in: shape, channelAxis: channelAxis, objection: objection)
        case .block(let size):
            if objection == nil, let axis = channelAxis {
                if shape.rank == 2 { return (ScalePlacement(shape, axis: 1 - axis, blockSize: size), nil) }
                if let inputAxis { return (Self.blocks(of: size, along: inputAxis, channels: axis, in: shape), nil) }
            }
            let placement = ScalePlacement(shape, axis: objection == nil ? channelAxis : nil)
            return (placement, objection ?? "a scale a channel: blocks need a matrix")
        }
    }

    /// Blocks of a filter go through inputs and taps alike where its inputs do not fill them.
    private static func blocks(of size: Int, along axis: Int, channels: Int, in shape: Shape) -> ScalePlacement {
        let taps = shape.dropFirst(2).reduce(1, *)
        guard channels == 0, axis == 1, taps > 1, shape[1] % size != 0 else { return ScalePlacement(shape, axis: axis, blockSize: size) }
        return ScalePlacement([shape[0], shape[1] * taps], axis: 1, blockSize: size)
    }
}
