package import WinnowTensor

/// The shapes and steps of a convolution over 1 to 3 spatial axes, in ONNX's terms.
package struct ConvolutionGeometry: Hashable, Sendable {
    /// (N, C, spatial…)
    package var sourceShape: Shape
    /// (O, C / groups, spatial…)
    package var filterShape: Shape
    /// Its extents are the filter's.
    package var window: WindowGeometry
    package var groups: Int

    /// Without a window the filter moves by 1 and there are no pads.
    package init(sourceShape: Shape, filterShape: Shape, window: WindowGeometry? = nil, groups: Int = 1) {
        self.sourceShape = sourceShape
        self.filterShape = filterShape
        self.window = window ?? WindowGeometry(Array(filterShape.dropFirst(2)))
        self.groups = groups
    }

    package var spatialRank: Int { sourceShape.rank - 2 }

    /// (N, O, spatial…). Meaningful after `validate`.
    package var targetShape: Shape {
        Shape([sourceShape[0], filterShape[0]] + (0..<spatialRank).map(targetExtent))
    }

    /// How many products are summed. Meaningful after `validate`.
    var productCount: Int { targetShape.elementCount * filterShape.dropFirst().reduce(1, *) }

    private func targetExtent(_ axis: Int) -> Int { window.span(axis, source: sourceShape[axis + 2]) / window.strides[axis] + 1 }

    /// Throws a `shape` error that says which rule is broken.
    package func validate() throws {
        func fail(_ problem: String) -> WinnowError { WinnowError(.shape, "convolution", problem) }
        guard (3...5).contains(sourceShape.rank), filterShape.rank == sourceShape.rank else {
            throw fail("source \(sourceShape) and filter \(filterShape) must both have rank 3, 4 or 5")
        }
        try window.validate(rank: spatialRank, subject: "convolution")
        guard groups > 0, sourceShape[1] == filterShape[1] * groups, filterShape[0] % groups == 0 else {
            throw fail("source \(sourceShape), filter \(filterShape) and \(groups) groups do not match")
        }
        guard window.extents == Array(filterShape.dropFirst(2)) else {
            throw fail("window \(window.extents) is not that of filter \(filterShape)")
        }
        guard filterShape.allSatisfy({ $0 > 0 }), targetShape.dropFirst(2).allSatisfy({ $0 > 0 }) else {
            throw fail("filter \(filterShape) does not fit into source \(sourceShape)")
        }
    }
}

extension ConvolutionGeometry {
    /// The same without spatial axes along which there is one position and one tap: memory is the same, and oneDNN divides
    /// its work along the last axis.
    var compact: ConvolutionGeometry {
        func isUnit(_ axis: Int) -> Bool {
            sourceShape[axis + 2] == 1 && filterShape[axis + 2] == 1 && window.padsBegin[axis] == 0 && window.padsEnd[axis] == 0
        }
        let kept = (0..<spatialRank).filter { !isUnit($0) }
        let axes = kept.isEmpty ? [0] : kept
        return ConvolutionGeometry(
            sourceShape: Shape(sourceShape.prefix(2) + axes.map { sourceShape[$0 + 2] }),
            filterShape: Shape(filterShape.prefix(2) + axes.map { filterShape[$0 + 2] }), window: window.along(axes),
            groups: groups)
    }

    /// The convolution of results that gives what this one's source gave them: with a filter (C, O, spatial…), its taps in reverse. nil
    /// where results are no convolution of stride 1 without groups.
    package var adjoint: ConvolutionGeometry? {
        let reaches = window.extents.map { $0 - 1 }
        let (begin, end) = (zip(reaches, window.padsBegin).map(-), zip(reaches, window.padsEnd).map(-))
        guard groups == 1, window.strides.allSatisfy({ $0 == 1 }), window.dilations.allSatisfy({ $0 == 1 }), (begin + end).allSatisfy({ $0 >= 0 })
        else { return nil }
        return ConvolutionGeometry(
            sourceShape: targetShape, filterShape: Shape([filterShape[1], filterShape[0]] + window.extents),
            window: WindowGeometry(window.extents, padsBegin: begin, padsEnd: end))
    }

    /// The filter's extents as oneDNN wants them: with a leading group axis if there are groups.
    var filterExtents: [Int] {
        groups == 1
            ? filterShape.extents
            : [groups, filterShape[0] / groups] + filterShape.dropFirst()
    }
}
