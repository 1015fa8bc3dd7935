package import WinnowTensor

/// The shapes and steps of a pooling over 1 to 3 spatial axes, in ONNX's terms.
package struct PoolingGeometry: Hashable, Sendable {
    /// (N, C, spatial…)
    package var sourceShape: Shape
    package var window: WindowGeometry
    /// Whether a last window may hang over the end pads.
    package var roundsUp: Bool

    package init(sourceShape: Shape, window: WindowGeometry, roundsUp: Bool = false) {
        self.sourceShape = sourceShape
        self.window = window
        self.roundsUp = roundsUp
    }

    /// One window over all spatial axes.
    package static func global(_ sourceShape: Shape) -> PoolingGeometry {
        PoolingGeometry(sourceShape: sourceShape, window: WindowGeometry(Array(sourceShape.dropFirst(2))))
    }

    /// (N, C, spatial…). Meaningful after `validate`.
    package var targetShape: Shape { Shape(Array(sourceShape.prefix(2)) + axes.map(targetExtent)) }

    var axes: Range<Int> { window.extents.indices }

    private func targetExtent(_ axis: Int) -> Int {
        let (span, stride) = (window.span(axis, source: sourceShape[axis + 2]), window.strides[axis])
        guard roundsUp, span >= 0 else { return span / stride + 1 }
        let extent = (span + stride - 1) / stride + 1
        // A window must begin in the source or its begin pad.
        return (extent - 1) * stride >= sourceShape[axis + 2] + window.padsBegin[axis] ? extent - 1 : extent
    }

    /// From the end pad's end to the last window's; negative if the window ends before.
    private func excess(_ axis: Int) -> Int {
        (targetExtent(axis) - 1) * window.strides[axis] - window.span(axis, source: sourceShape[axis + 2])
    }

    /// The window with end pads that reach just as far as its last position.
    var reachedWindow: WindowGeometry {
        var result = window
        for axis in axes { result.padsEnd[axis] += excess(axis) }
        return result
    }

    /// The same without the taps in front and behind that meet the source at no position: a window may be far wider than what it
    /// slides over.
    var meetingWindow: WindowGeometry {
        var result = window
        for axis in axes {
            let (source, dilation) = (sourceShape[axis + 2], window.dilations[axis])
            let last = (targetExtent(axis) - 1) * window.strides[axis]
            let dropped = max(0, window.padsBegin[axis] - last) / dilation
            let begin = window.padsBegin[axis] - dropped * dilation
            let extent = min(window.extents[axis] - dropped, (source - 1 + begin) / dilation + 1)
            guard source > 0, extent > 0 else { return reachedWindow }
            result.extents[axis] = extent
            result.padsBegin[axis] = begin
            result.padsEnd[axis] = last + result.reach(axis) - source - begin
        }
        return result
    }

    /// The taps of window `position` along `axis` that lie in the source: source index of tap i is `start + i · dilation`.
    func taps(_ axis: Int, at position: Int) -> (start: Int, inside: Range<Int>) {
        let dilation = window.dilations[axis]
        let start = position * window.strides[axis] - window.padsBegin[axis]
        let first = start >= 0 ? 0 : (-start + dilation - 1) / dilation
        let room = sourceShape[axis + 2] - start
        let end = room <= 0 ? 0 : min(window.extents[axis], (room + dilation - 1) / dilation)
        return (start, min(first, end)..<end)
    }

    /// Throws a `shape` error that says which rule is broken.
    package func validate() throws {
        func fail(_ problem: String) -> WinnowError { WinnowError(.shape, "pooling", problem) }
        let rank = sourceShape.rank - 2
        guard (1...3).contains(rank), axes.count == rank else {
            throw fail("source \(sourceShape) must have rank 3 to 5, and the window \(window.extents) two axes less")
        }
        try window.validate(rank: rank, subject: "pooling")
        guard window.extents.allSatisfy({ $0 > 0 }), (window.padsBegin + window.padsEnd).allSatisfy({ $0 >= 0 }) else {
            throw fail("the window must be positive, pads not negative")
        }
        guard axes.allSatisfy({ window.span($0, source: sourceShape[$0 + 2]) >= 0 }) else {
            throw fail("window \(window.extents) does not fit into source \(sourceShape)")
        }
    }
}

/// What a pooling takes of each window.
package enum PoolingKind: Hashable, Sendable {
    case maximum
    /// The mean; pads count as zeros or not at all.
    case average(countsPads: Bool)
}
