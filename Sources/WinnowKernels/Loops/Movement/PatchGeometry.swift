internal import WinnowTensor

/// What the taps of a filter see of a source over 1 to 3 spatial axes, from each place of the target.
package struct PatchGeometry: Hashable, Sendable {
    /// Spatial extents.
    package let source: [Int]
    package let target: [Int]
    package let window: WindowGeometry
    /// Whether the window slides over the target, as that of a transposed convolution does.
    package let isTransposed: Bool

    package init(source: [Int], target: [Int], window: WindowGeometry, isTransposed: Bool = false) {
        (self.source, self.target, self.window, self.isTransposed) = (source, target, window, isTransposed)
    }

    package var tapCount: Int { window.extents.reduce(1, *) }
    /// Runs of the target's last axis.
    package var lineCount: Int { target.dropLast().reduce(1, *) }
    package var width: Int { target.last ?? 1 }
    /// Whether patches are the source itself.
    package var isIdentity: Bool {
        !isTransposed && tapCount == 1 && source == target && window.strides.allSatisfy { $0 == 1 } && !window.isPadded
    }

    /// The place of the source that a tap meets; nil outside.
    private func coordinate(_ axis: Int, place: Int, tap: Int) -> Int? {
        let (stride, reach) = (window.strides[axis], tap * window.dilations[axis])
        var result = isTransposed ? place + window.padsBegin[axis] - reach : place * stride - window.padsBegin[axis] + reach
        if isTransposed {
            guard result >= 0, result % stride == 0 else { return nil }
            result /= stride
        }
        return (0..<source[axis]).contains(result) ? result : nil
    }

    /// Where a line of the target begins to see the source through the outer taps; −1 outside.
    private func offsets(_ lines: [Int]) -> [Int] {
        let axes = target.indices.dropLast()
        let outerTaps = window.extents.dropLast().reduce(1, *)
        return (0..<outerTaps).flatMap { tap in
            lines.map { line in
                var (tap, line, offset, step) = (tap, line, 0, source.last ?? 1)
                for axis in axes.reversed() {
                    guard let place = coordinate(axis, place: line % target[axis], tap: tap % window.extents[axis])
                    else { return -1 }
                    offset += place * step
                    step *= source[axis]
                    tap /= window.extents[axis]
                    line /= target[axis]
                }
                return offset
            }
        }
    }

    /// The patches of `channels` planes: for each channel and tap the elements that the target's `lines` see, zeros outside;
    /// (channels · taps) × (lines · width).
    package func unfold(
        _ source: UnsafePointer<Float>, channels: Int, lines: [Int], to target: UnsafeMutablePointer<Float>
    ) {
        let (axis, width, plane) = (self.source.count - 1, width, self.source.reduce(1, *))
        let (xStep, sourceStep) = isTransposed ? (window.strides[axis], 1) : (1, window.strides[axis])
        let runs = (0..<window.extents[axis]).map { tap -> (first: Int, count: Int, place: Int) in
            let seen = (0..<width).filter { coordinate(axis, place: $0, tap: tap) != nil }
            return (seen.first ?? 0, seen.count, seen.first.flatMap { coordinate(axis, place: $0, tap: tap) } ?? 0)
        }
        let offsets = offsets(lines)
        Parallel.forEach(channels) { channel in
            var to = target + channel * tapCount * lines.count * width
            for outer in stride(from: 0, to: offsets.count, by: max(1, lines.count)) {
                for run in runs {
                    for line in 0..<lines.count {
                        to.update(repeating: 0, count: width)
                        if offsets[outer + line] >= 0 {
                            let from = source + channel * plane + offsets[outer + line] + run.place
                            let place = to + run.first
                            for index in 0..<run.count { place[index * xStep] = from[index * sourceStep] }
                        }
                        to += width
                    }
                }
            }
        }
    }
}
