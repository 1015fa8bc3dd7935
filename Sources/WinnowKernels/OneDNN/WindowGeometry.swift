internal import WinnowTensor

/// A window over spatial axes and how it slides: tap i at position p reads source index p · stride − begin pad + i · dilation.
package struct WindowGeometry: Hashable, Sendable {
    /// Taps along each axis.
    package var extents: [Int]
    package var strides: [Int]
    /// 1 means a dense window.
    package var dilations: [Int]
    package var padsBegin: [Int]
    package var padsEnd: [Int]

    /// Strides and dilations default to 1, pads to 0, end pads to the begin pads.
    package init(
        _ extents: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBegin: [Int]? = nil, padsEnd: [Int]? = nil
    ) {
        let ones = [Int](repeating: 1, count: extents.count)
        let zeros = [Int](repeating: 0, count: extents.count)
        self.extents = extents
        self.strides = strides ?? ones
        self.dilations = dilations ?? ones
        self.padsBegin = padsBegin ?? zeros
        self.padsEnd = padsEnd ?? padsBegin ?? zeros
    }

    var isPadded: Bool { (padsBegin + padsEnd).contains { $0 != 0 } }

    /// Indices from the first to the last tap.
    func reach(_ axis: Int) -> Int { (extents[axis] - 1) * dilations[axis] + 1 }

    /// How far the window can slide along an axis of `extent` source indices; negative where it does not fit.
    func span(_ axis: Int, source extent: Int) -> Int { extent + padsBegin[axis] + padsEnd[axis] - reach(axis) }

    /// The window over some of its axes.
    func along(_ axes: [Int]) -> WindowGeometry {
        func chosen(_ values: [Int]) -> [Int] { axes.map { values[$0] } }
        return WindowGeometry(
            chosen(extents), strides: chosen(strides), dilations: chosen(dilations), padsBegin: chosen(padsBegin),
            padsEnd: chosen(padsEnd))
    }

    /// Throws a `shape` error unless there is a number for each of `rank` axes and all steps are positive.
    func validate(rank: Int, subject: String) throws {
        guard [extents, strides, dilations, padsBegin, padsEnd].allSatisfy({ $0.count == rank }) else {
            throw WinnowError(.shape, subject, "window, strides, dilations and pads must have \(rank) numbers for each side")
        }
        guard (strides + dilations).allSatisfy({ $0 > 0 }) else {
            throw WinnowError(.shape, subject, "strides and dilations must be positive")
        }
    }
}

extension WindowGeometry {
    var dimensionExtents: [Int64] { extents.map(Int64.init) }
    var dimensionStrides: [Int64] { strides.map(Int64.init) }
    var dimensionDilations: [Int64] { dilations.map { Int64($0 - 1) } }
    var dimensionPadsBegin: [Int64] { padsBegin.map(Int64.init) }
    var dimensionPadsEnd: [Int64] { padsEnd.map(Int64.init) }
}
