package import WinnowKernels
package import WinnowTensor

/// A contraction whose filter slides over spatial axes; its channels may fall into groups.
package protocol SlidingContraction: ChannelContraction {
    var groups: Int { get }
    /// Whether each output sums over all taps of its filter, at borders too.
    var seesAllTaps: Bool { get }

    /// What the filter's taps see of a source (N, C, spatial…).
    func patches(source: Shape, filter: Shape) throws -> PatchGeometry
}

extension Conv: SlidingContraction {
    package var seesAllTaps: Bool {
        switch window.autoPad {
        case .explicit: window.pads?.allSatisfy { $0 == 0 } ?? true
        case .valid: true
        case .sameUpper, .sameLower: window.extents?.allSatisfy { $0 == 1 } ?? false
        }
    }

    package func patches(source: Shape, filter: Shape) throws -> PatchGeometry {
        let geometry = try geometry(source: source, filter: filter)
        try geometry.validate()
        return PatchGeometry(
            source: Array(source.dropFirst(2)), target: Array(geometry.targetShape.dropFirst(2)), window: geometry.window)
    }
}

extension ConvTranspose: SlidingContraction {
    package var seesAllTaps: Bool { false }

    package func patches(source: Shape, filter: Shape) throws -> PatchGeometry {
        let geometry = try geometry(source: source, filter: filter)
        return PatchGeometry(
            source: Array(source.dropFirst(2)), target: Array(geometry.targetShape.dropFirst(2)), window: geometry.window,
            isTransposed: true)
    }
}
