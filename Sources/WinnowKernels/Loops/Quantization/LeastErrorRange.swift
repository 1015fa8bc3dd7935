package import WinnowTensor

/// The range of numbers that becomes codes: all of it, or the part that rounds with the least squared error, numbers beyond it clipped.
package enum LeastErrorRange {
    /// The parts of the range that are tried: from all of it to half of it.
    private static let parts: [Float] = (0...25).map { 1 - Float($0) * 0.02 }

    /// Scale and zero point of the whole range, or those with the least Σ (x − scale · (code − zero))².
    ///
    /// - Parameters:
    ///   - codes: what codes lie between.
    ///   - isSymmetric: whether the zero point is 0 and the range as wide on either side.
    ///   - clips: whether parts of the range are tried.
    ///   - rounded: what a scale is stored as.
    package static func search(
        _ values: UnsafeBufferPointer<Float>, codes: ClosedRange<Float>, isSymmetric: Bool, clips: Bool,
        _ rounded: (Float) -> Float
    ) -> (scale: Float, zero: Float) {
        var (low, high): (Float, Float) = (0, 0)
        for value in values { (low, high) = (min(low, value), max(high, value)) }
        if isSymmetric { high = max(high, -low); low = 0 }
        var best: (scale: Float, zero: Float) = (1, isSymmetric ? 0 : codes.lowerBound)
        guard high > low else { return best }
        var (least, last) = (Double.infinity, Float(0))
        for part in clips ? parts : [1] {
            let width = isSymmetric ? codes.upperBound : codes.upperBound - codes.lowerBound
            // Divided first: the width of a range may overflow.
            let scale = rounded(high * part / width - low * part / width)
            guard scale >= Float.leastNormalMagnitude, scale.isFinite, scale != last || !isSymmetric else { continue }
            last = scale
            let zero = isSymmetric
                ? 0 : min(max(codes.lowerBound - (low * part / scale).rounded(.toNearestOrEven), codes.lowerBound), codes.upperBound)
            let error = squaredError(values, scale, codes.lowerBound - zero, codes.upperBound - zero, below: least)
            if error < least { (least, best) = (error, (scale, zero)) }
        }
        return best
    }

    private static func squaredError(
        _ values: UnsafeBufferPointer<Float>, _ scale: Float, _ bottom: Float, _ top: Float, below limit: Double
    ) -> Double {
        let inverse = 1 / scale
        var sum = 0.0
        for start in stride(from: 0, to: values.count, by: 256) {
            var part: Float = 0
            for index in start..<min(start + 256, values.count) {
                let quotient = values[index] * inverse
                let above = quotient < bottom ? bottom : quotient
                // Half to even, in a form that becomes vectors.
                let code = (above > top ? top : above) + 12_582_912 - 12_582_912
                let difference = quotient - code
                part += difference * difference
            }
            sum += Double(part) * Double(scale) * Double(scale)
            if sum >= limit { return sum }
        }
        return sum
    }
}

extension ScaleLayout {
    /// The elements that share each scale, one group after the other, and where each group begins; the last entry is the end.
    package func grouped(_ values: UnsafeBufferPointer<Float>) -> (elements: [Float], starts: [Int]) {
        let starts = groupStarts
        var elements = [Float](repeating: 0, count: elementCount)
        elements.withUnsafeMutableBufferPointer { elements in forEachGrouped(starts) { elements[$1] = values[$0] } }
        return (elements, starts)
    }

    /// What `grouped` made of elements, each at its place again.
    package func ungrouped(_ elements: [Float], to values: UnsafeMutableBufferPointer<Float>) {
        elements.withUnsafeBufferPointer { elements in forEachGrouped(groupStarts) { values[$0] = elements[$1] } }
    }

    private var groupStarts: [Int] {
        var starts = [Int](repeating: 0, count: scaleCount + 1)
        forEachRun(in: 0..<elementCount) { run, scale in
            if scaleStep == 0 { starts[scale + 1] += run.count } else { for step in 0..<run.count { starts[scale + step + 1] += 1 } }
        }
        for index in 1..<starts.count { starts[index] += starts[index - 1] }
        return starts
    }

    /// Calls `body` with every element's place in the tensor and in the groups.
    private func forEachGrouped(_ starts: [Int], _ body: (_ element: Int, _ place: Int) -> Void) {
        var next = starts
        next.withUnsafeMutableBufferPointer { next in
            forEachRun(in: 0..<elementCount) { run, scale in
                for element in run {
                    let scale = scale + scaleStep * (element - run.lowerBound)
                    body(element, next[scale])
                    next[scale] += 1
                }
            }
        }
    }
}
