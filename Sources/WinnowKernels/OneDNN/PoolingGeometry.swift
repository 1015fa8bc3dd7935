package import WinnowTensor

/// The shapes and steps of a pooling over 1 to 3 spatial axes, in ONNX's terms.
package struct PoolingGeometry: Hashable, Sendable {
    /// (N, C, spatial…)
    package var sourceShape: Shape
    /// The window's extents.
    package var window: [Int]
    package var strides: [Int]
    /// 1 means a dense window.
    package var dilations: [Int]
    package var padsBegin: [Int]
    package var padsEnd: [Int]
    /// Whether a last window may hang over the end pads.
    package var roundsUp: Bool

    /// Strides and dilations default to 1, pads to 0.
    package init(
        sourceShape: Shape, window: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBegin: [Int]? = nil,
        padsEnd: [Int]? = nil, roundsUp: Bool = false
    ) {
        let ones = [Int](repeating: 1, count: window.count)
        let zeros = [Int](repeating: 0, count: window.count)
        self.sourceShape = sourceShape
        self.window = window
        self.strides = strides ?? ones
        self.dilations = dilations ?? ones
        self.padsBegin = padsBegin ?? zeros
        self.padsEnd = padsEnd ?? padsBegin ?? zeros
        self.roundsUp = roundsUp
    }

    /// One window over all spatial axes.
    package static func global(_ sourceShape: Shape) -> PoolingGeometry {
        PoolingGeometry(sourceShape: sourceShape, window: Array(sourceShape.dropFirst(2)))
    }

    /// (N, C, spatial…). Meaningful after `validate`.
    package var targetShape: Shape { Shape(Array(sourceShape.prefix(2)) + window.indices.map(targetExtent)) }

    private func reach(_ axis: Int) -> Int { (window[axis] - 1) * dilations[axis] + 1 }

    private func targetExtent(_ axis: Int) -> Int {
        let span = sourceShape[axis + 2] + padsBegin[axis] + padsEnd[axis] - reach(axis)
        guard roundsUp, span >= 0 else { return span / strides[axis] + 1 }
        let extent = (span + strides[axis] - 1) / strides[axis] + 1
        // A window must begin in the source or its begin pad.
        return (extent - 1) * strides[axis] >= sourceShape[axis + 2] + padsBegin[axis] ? extent - 1 : extent
    }

    /// How far the last window hangs over the declared end pad; 0 unless rounding up.
    func overhang(_ axis: Int) -> Int {
        max(0, (targetExtent(axis) - 1) * strides[axis] + reach(axis)
            - (sourceShape[axis + 2] + padsBegin[axis] + padsEnd[axis]))
    }

    /// The end pads that reach just as far as the last window.
    var reachedPadsEnd: [Int] {
        window.indices.map {
            (targetExtent($0) - 1) * strides[$0] + reach($0) - sourceShape[$0 + 2] - padsBegin[$0]
        }
    }

    /// The taps of window `position` along `axis` that lie in the source: source index of tap i is `start + i · dilation`.
    func taps(_ axis: Int, at position: Int) -> (start: Int, inside: Range<Int>) {
        let start = position * strides[axis] - padsBegin[axis]
        let first = start >= 0 ? 0 : (-start + dilations[axis] - 1) / dilations[axis]
        let room = sourceShape[axis + 2] - start
        let end = room <= 0 ? 0 : min(window[axis], (room + dilations[axis] - 1) / dilations[axis])
        return (start, min(first, end)..<end)
    }

    /// Throws a `shape` error that says which rule is broken.
    package func validate() throws {
        func fail(_ problem: String) -> WinnowError { WinnowError(.shape, "pooling", problem) }
        let rank = sourceShape.rank - 2
        guard (1...3).contains(rank), window.count == rank else {
            throw fail("source \(sourceShape) must have rank 3 to 5, and the window \(window) two axes less")
        }
        guard [strides, dilations, padsBegin, padsEnd].allSatisfy({ $0.count == rank }) else {
            throw fail("strides, dilations and pads must have \(rank) numbers for each side")
        }
        guard (strides + dilations + window).allSatisfy({ $0 > 0 }), (padsBegin + padsEnd).allSatisfy({ $0 >= 0 }) else {
            throw fail("window, strides and dilations must be positive, pads not negative")
        }
        guard window.indices.allSatisfy({ sourceShape[$0 + 2] + padsBegin[$0] + padsEnd[$0] >= reach($0) }) else {
            throw fail("window \(window) does not fit into source \(sourceShape)")
        }
    }
}

/// What a pooling takes of each window.
package enum PoolingKind: Hashable, Sendable {
    case maximum
    /// The mean; pads count as zeros or not at all.
    case average(countsPads: Bool)
}

extension PoolingGeometry {
    var dimensionStrides: [Int64] { strides.map(Int64.init) }
    var dimensionWindow: [Int64] { window.map(Int64.init) }
    var dimensionDilations: [Int64] { dilations.map { Int64($0 - 1) } }
    var dimensionPadsBegin: [Int64] { padsBegin.map(Int64.init) }
    var dimensionPadsEnd: [Int64] { reachedPadsEnd.map(Int64.init) }
}
