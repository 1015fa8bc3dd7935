package import WinnowTensor

/// The shapes and steps of a convolution over 1 to 3 spatial axes, in ONNX's terms.
package struct ConvolutionGeometry: Hashable, Sendable {
    /// (N, C, spatial…)
    package var sourceShape: Shape
    /// (O, C / groups, spatial…)
    package var filterShape: Shape
    package var strides: [Int]
    /// 1 means a dense filter.
    package var dilations: [Int]
    package var padsBegin: [Int]
    package var padsEnd: [Int]
    package var groups: Int

    /// Strides and dilations default to 1, pads to 0.
    package init(
        sourceShape: Shape, filterShape: Shape, strides: [Int]? = nil, dilations: [Int]? = nil,
        padsBegin: [Int]? = nil, padsEnd: [Int]? = nil, groups: Int = 1
    ) {
        let spatialRank = max(0, sourceShape.rank - 2)
        let ones = [Int](repeating: 1, count: spatialRank)
        let zeros = [Int](repeating: 0, count: spatialRank)
        self.sourceShape = sourceShape
        self.filterShape = filterShape
        self.strides = strides ?? ones
        self.dilations = dilations ?? ones
        self.padsBegin = padsBegin ?? zeros
        self.padsEnd = padsEnd ?? padsBegin ?? zeros
        self.groups = groups
    }

    package var spatialRank: Int { sourceShape.rank - 2 }

    /// (N, O, spatial…). Meaningful after `validate`.
    package var targetShape: Shape {
        Shape([sourceShape[0], filterShape[0]] + (0..<spatialRank).map(targetExtent))
    }

    /// How many products are summed. Meaningful after `validate`.
    var productCount: Int { targetShape.elementCount * filterShape.dropFirst().reduce(1, *) }

    var isPadded: Bool { (padsBegin + padsEnd).contains { $0 != 0 } }

    private func targetExtent(_ axis: Int) -> Int {
        let reach = (filterShape[axis + 2] - 1) * dilations[axis] + 1
        return (sourceShape[axis + 2] + padsBegin[axis] + padsEnd[axis] - reach) / strides[axis] + 1
    }

    /// Throws a `shape` error that says which rule is broken.
    package func validate() throws {
        func fail(_ problem: String) -> WinnowError { WinnowError(.shape, "convolution", problem) }
        guard (3...5).contains(sourceShape.rank), filterShape.rank == sourceShape.rank else {
            throw fail("source \(sourceShape) and filter \(filterShape) must both have rank 3, 4 or 5")
        }
        guard [strides, dilations, padsBegin, padsEnd].allSatisfy({ $0.count == spatialRank }) else {
            throw fail("strides, dilations and pads must have \(spatialRank) numbers for each side")
        }
        guard strides.allSatisfy({ $0 > 0 }), dilations.allSatisfy({ $0 > 0 }) else {
            throw fail("strides and dilations must be positive")
        }
        guard groups > 0, sourceShape[1] == filterShape[1] * groups, filterShape[0] % groups == 0 else {
            throw fail("source \(sourceShape), filter \(filterShape) and \(groups) groups do not match")
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
            sourceShape[axis + 2] == 1 && filterShape[axis + 2] == 1 && padsBegin[axis] == 0 && padsEnd[axis] == 0
        }
        let kept = (0..<spatialRank).filter { !isUnit($0) }
        let axes = kept.isEmpty ? [0] : kept
        return ConvolutionGeometry(
            sourceShape: Shape(sourceShape.prefix(2) + axes.map { sourceShape[$0 + 2] }),
            filterShape: Shape(filterShape.prefix(2) + axes.map { filterShape[$0 + 2] }), strides: axes.map { strides[$0] },
            dilations: axes.map { dilations[$0] }, padsBegin: axes.map { padsBegin[$0] }, padsEnd: axes.map { padsEnd[$0] },
            groups: groups)
    }

    var dimensionStrides: [Int64] { strides.map(Int64.init) }
    var dimensionDilations: [Int64] { dilations.map { Int64($0 - 1) } }
    var dimensionPadsBegin: [Int64] { padsBegin.map(Int64.init) }
    var dimensionPadsEnd: [Int64] { padsEnd.map(Int64.init) }

    /// The filter's extents as oneDNN wants them: with a leading group axis if there are groups.
    var filterExtents: [Int] {
        groups == 1
            ? filterShape.extents
            : [groups, filterShape[0] / groups] + filterShape.dropFirst()
    }
}
