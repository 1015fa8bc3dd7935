package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// How a window slides over the spatial axes: the attributes that convolutions and poolings share.
package struct Window: Hashable, Sendable {
    package enum AutoPad: String, Sendable {
        case explicit = "NOTSET"
        case sameUpper = "SAME_UPPER"
        case sameLower = "SAME_LOWER"
        case valid = "VALID"
    }

    /// The window's extents; a convolution may leave them to its filter.
    package var extents: [Int]?
    package var strides: [Int]?
    package var dilations: [Int]?
    /// All begins, then all ends.
    package var pads: [Int]?
    package var autoPad: AutoPad

    package init(
        extents: [Int]? = nil, strides: [Int]? = nil, dilations: [Int]? = nil, pads: [Int]? = nil,
        autoPad: AutoPad = .explicit
    ) {
        self.extents = extents
        self.strides = strides
        self.dilations = dilations
        self.pads = pads
        self.autoPad = autoPad
    }

    package init(attributes: Attributes) throws {
        let name = try attributes.string("auto_pad", default: AutoPad.explicit.rawValue)
        guard let autoPad = AutoPad(rawValue: name) else {
            throw WinnowError(.model, "auto_pad", "\"\(name)\" is not known")
        }
        self.init(
            extents: try attributes.ints("kernel_shape"), strides: try attributes.ints("strides"),
            dilations: try attributes.ints("dilations"), pads: try attributes.ints("pads"), autoPad: autoPad)
    }

    package var attributes: Attributes {
        var result = Attributes()
        if autoPad != .explicit { result["auto_pad"] = .string(autoPad.rawValue) }
        if let extents { result["kernel_shape"] = .ints(extents) }
        if let strides { result["strides"] = .ints(strides) }
        if let dilations { result["dilations"] = .ints(dilations) }
        if let pads { result["pads"] = .ints(pads) }
        return result
    }
}

extension Window {
    /// The window for sources whose spatial extents are `source`; throws `.model` where lists have the wrong length.
    package func resolved(source: [Int], filter: [Int]? = nil) throws -> WindowGeometry {
        let extents = try checkedExtents(filter: filter, rank: source.count)
        var result = WindowGeometry(extents, strides: strides, dilations: dilations)
        for axis in source.indices {
            let (begin, end) = padding(axis, source: source[axis], extent: extents[axis])
            result.padsBegin[axis] = begin
            result.padsEnd[axis] = end
        }
        return result
    }

    /// The spatial extents of the output; extents that are not numbers stay only where the window keeps every extent.
    package func outputExtents(source: [Extent], filter: [Int]? = nil, roundsUp: Bool = false) throws -> [Extent] {
        let extents = try checkedExtents(filter: filter, rank: source.count)
        return try source.indices.map { axis in
            let reach = reach(axis, extent: extents[axis])
            guard let extent = source[axis].value else {
                let (begin, end) = padding(axis, source: 1 << 20, extent: extents[axis])
                return stride(axis) == 1 && begin +| end +| 1 == reach ? source[axis] : .unknown
            }
            let (begin, end) = padding(axis, source: extent, extent: extents[axis])
            let span = extent + begin + end -| reach
            guard span >= 0 else {
                throw WinnowError(
                    .shape, "window \(extents)", "does not fit into spatial axis \(axis) of extent \(extent)")
            }
            var count = (span + (roundsUp ? stride(axis) - 1 : 0)) / stride(axis) + 1
            if roundsUp, (count - 1) *| stride(axis) >= extent + begin { count -= 1 }
            return .fixed(count)
        }
    }

    /// The spatial axes along which every place is seen by itself: one tap, steps of one, no pads.
    func pointwiseAxes(rank: Int, filter: [Int]? = nil) -> Set<Int> {
        guard let extents = try? checkedExtents(filter: filter, rank: rank) else { return [] }
        return Set((0..<rank).filter { extents[$0] == 1 && stride($0) == 1 && padding($0, source: 1, extent: 1) == (0, 0) })
    }

    private func stride(_ axis: Int) -> Int { strides?[axis] ?? 1 }
    private func reach(_ axis: Int, extent: Int) -> Int { (extent - 1) *| (dilations?[axis] ?? 1) +| 1 }

    private func padding(_ axis: Int, source: Int, extent: Int) -> (begin: Int, end: Int) {
        switch autoPad {
        case .explicit: return (pads?[axis] ?? 0, pads.map { $0[axis + $0.count / 2] } ?? 0)
        case .valid: return (0, 0)
        case .sameUpper, .sameLower:
            let count = (source + stride(axis) - 1) / stride(axis)
            let total = max(0, ((count - 1) *| stride(axis) +| reach(axis, extent: extent)) -| source)
            return autoPad == .sameUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
        }
    }

    private func checkedExtents(filter: [Int]?, rank: Int) throws -> [Int] {
        guard let result = filter ?? extents else { throw WinnowError(.model, "kernel_shape", "is missing") }
        let lists = [result, extents ?? result, strides ?? result, dilations ?? result]
        guard lists.allSatisfy({ $0.count == rank }), (pads?.count ?? 2 * rank) == 2 * rank else {
            throw WinnowError(.model, "attributes", "do not have one number for each of \(rank) spatial axes")
        }
        guard (lists[0] + lists[2] + lists[3]).allSatisfy({ $0 > 0 }), extents == nil || extents == result else {
            throw WinnowError(
                .model, "kernel_shape", "must be positive and equal to the filter's extents, and steps positive")
        }
        return result
    }
}

extension ValueInfo {
    /// The extents of a filter along its spatial axes; nil where one is not known.
    var taps: [Int]? {
        guard let spatial = extents?.dropFirst(2) else { return nil }
        let known = spatial.compactMap(\.value)
        return known.count == spatial.count ? known : nil
    }
}
