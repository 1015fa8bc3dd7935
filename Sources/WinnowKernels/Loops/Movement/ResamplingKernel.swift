package import WinnowTensor

/// Interpolation along one axis after the other: each target index is a weighted sum of a few source indices.
package struct ResamplingKernel: Sendable {
    /// How one axis is resampled: `taps` source indices and weights for each target index.
    package struct Axis: Hashable, Sendable {
        package var axis: Int
        package var taps: Int
        package var indices: [Int]
        package var weights: [Float]
        /// Target indices that lie outside the source: their weights are 0.
        package var outside: [Int]

        package init(axis: Int, taps: Int, indices: [Int], weights: [Float], outside: [Int] = []) {
            self.axis = axis
            self.taps = taps
            self.indices = indices
            self.weights = weights
            self.outside = outside
        }

        package var targetExtent: Int { taps == 0 ? 0 : indices.count / taps }
    }

    private struct Pass {
        var outer: Int
        var sourceExtent: Int
        var inner: Int
        var axis: Axis
        var targetCount: Int { outer * axis.targetExtent * inner }
    }

    private let passes: [Pass]
    package let targetShape: Shape
    /// What stands in the target outside the source.
    private let extrapolation: Float

    /// Axes that keep their extent are left out.
    package init(_ shape: Shape, _ axes: [Axis], extrapolation: Float = 0) {
        self.extrapolation = extrapolation
        var shape = shape
        var passes: [Pass] = []
        // The smaller results first.
        for axis in axes.sorted(by: { $0.targetExtent * shape[$1.axis] < $1.targetExtent * shape[$0.axis] }) {
            passes.append(
                Pass(
                    outer: shape[..<axis.axis].reduce(1, *), sourceExtent: shape[axis.axis],
                    inner: shape[(axis.axis + 1)...].reduce(1, *), axis: axis))
            shape[axis.axis] = axis.targetExtent
        }
        self.passes = passes
        targetShape = shape
    }

    private var middleCount: Int { passes.dropLast().map(\.targetCount).max() ?? 0 }

    /// Bytes of scratch memory that `run` needs.
    package var scratchByteCount: Int { 2 * (middleCount * 4 + 63) / 64 * 64 }

    package func run(
        _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer?
    ) {
        guard !passes.isEmpty else { return target.update(from: source, count: targetShape.elementCount) }
        var from = source
        for (index, pass) in passes.enumerated() {
            var to = target
            if index < passes.count - 1, let scratch {
                to = (scratch + index % 2 * (scratchByteCount / 2)).assumingMemoryBound(to: Float.self)
            }
            Self.run(pass, from, to)
            from = UnsafePointer(to)
        }
        if extrapolation != 0 { for pass in passes { fillOutside(pass.axis, target) } }
    }

    private func fillOutside(_ axis: Axis, _ target: UnsafeMutablePointer<Float>) {
        let inner = targetShape[(axis.axis + 1)...].reduce(1, *)
        for outer in 0..<targetShape[..<axis.axis].reduce(1, *) {
            for index in axis.outside {
                (target + (outer * targetShape[axis.axis] + index) * inner).update(repeating: extrapolation, count: inner)
            }
        }
    }

    private static func run(_ pass: Pass, _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
        let (inner, taps, extent) = (pass.inner, pass.axis.taps, pass.axis.targetExtent)
        pass.axis.indices.withUnsafeBufferPointer { indices in
            pass.axis.weights.withUnsafeBufferPointer { weights in
                forChunks(pass.outer * extent, minimum: max(1, threadShare / max(inner * taps, 1))) { start, count in
                    for row in start..<(start + count) {
                        let (outer, place) = row.quotientAndRemainder(dividingBy: extent)
                        let from = source + outer * pass.sourceExtent * inner
                        let to = target + row * inner
                        let first = from + indices[place * taps] * inner
                        if taps == 1 && weights[place] == 1 { to.update(from: first, count: inner); continue }
                        for i in 0..<inner { to[i] = first[i] * weights[place * taps] }
                        for tap in 1..<max(taps, 1) {
                            let next = from + indices[place * taps + tap] * inner
                            let weight = weights[place * taps + tap]
                            for i in 0..<inner { to[i] += next[i] * weight }
                        }
                    }
                }
            }
        }
    }

    /// The same the other way round: each source index gathers what it gave.
    package static func transposed(_ axis: Axis, sourceExtent: Int) -> Axis {
        var shares = [[(index: Int, weight: Float)]](repeating: [], count: sourceExtent)
        for place in 0..<axis.targetExtent {
            for tap in 0..<axis.taps {
                let position = place * axis.taps + tap
                shares[axis.indices[position]].append((place, axis.weights[position]))
            }
        }
        let taps = max(shares.map(\.count).max() ?? 0, 1)
        let padded = shares.flatMap { $0 + [(index: Int, weight: Float)](repeating: (0, 0), count: taps - $0.count) }
        return Axis(axis: axis.axis, taps: taps, indices: padded.map(\.index), weights: padded.map(\.weight))
    }
}
