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
        var (low, high) = bounds(of: values)
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

    /// The same for runs of `elements`, each by itself.
    ///
    /// - Parameter inParallel: on all threads; not from within a parallel loop.
    package static func searches(
        _ elements: UnsafeBufferPointer<Float>, _ runs: [Range<Int>], codes: ClosedRange<Float>, isSymmetric: Bool, clips: Bool,
        inParallel: Bool = false, _ rounded: (Float) -> Float
    ) -> [(scale: Float, zero: Float)] {
        var found = [(scale: Float, zero: Float)](repeating: (1, 0), count: runs.count)
        found.withUnsafeMutableBufferPointer { found in
            func search(_ part: Range<Int>) {
                var start = part.lowerBound
                while start < part.upperBound {
                    let end = min(start + laneCount, part.upperBound)
                    let values = runs[start..<end].map { UnsafeBufferPointer(rebasing: elements[$0]) }
                    let scales = isSymmetric && clips ? pairedScales(of: values, codes: codes, rounded) : nil
                    for (place, own) in values.enumerated() {
                        found[start + place] = scales.map { ($0[place], 0) }
                            ?? self.search(own, codes: codes, isSymmetric: isSymmetric, clips: clips, rounded)
                    }
                    start = end
                }
            }
            if inParallel { Parallel.forRanges(runs.count, minimum: laneCount, search) } else { search(0..<runs.count) }
        }
        return found
    }

    /// How many runs go through their two scales at once.
    private static let laneCount = 4

    /// The better of two scales for each of some runs, what `search` finds with powers of two; nil where lengths differ or there are not two.
    private static func pairedScales(
        of runs: [UnsafeBufferPointer<Float>], codes: ClosedRange<Float>, _ rounded: (Float) -> Float
    ) -> [Float]? {
        guard let first = runs.first, runs.allSatisfy({ $0.count == first.count }) else { return nil }
        var scales = SIMD8<Float>(repeating: 1)
        for (lane, run) in runs.enumerated() {
            guard let pair = pair(of: run, codes, rounded) else { return nil }
            (scales[lane], scales[lane + laneCount]) = pair
        }
        let errors = squaredErrors(runs, scales, codes)
        return runs.indices.map { lane in
            let (one, other) = (errors[lane], errors[lane + laneCount])
            let (least, best) = one < .infinity ? (one, scales[lane]) : (.infinity, 1)
            return other < least ? scales[lane + laneCount] : best
        }
    }

    /// The two scales that the parts of a run's range come to; nil where they are not two.
    private static func pair(of run: UnsafeBufferPointer<Float>, _ codes: ClosedRange<Float>, _ rounded: (Float) -> Float) -> (Float, Float)? {
        let (low, high) = bounds(of: run)
        let largest = max(high, -low)
        guard largest > 0 else { return nil }
        var scales: [Float] = []
        for part in parts {
            let scale = rounded(largest * part / codes.upperBound)
            guard scale >= Float.leastNormalMagnitude, scale.isFinite, scale != scales.last else { continue }
            guard scales.count < 2 else { return nil }
            scales.append(scale)
        }
        return scales.count == 2 ? (scales[0], scales[1]) : nil
    }

    /// `squaredError` of up to four runs of one length with symmetric codes and two scales each, every sum in the same order.
    ///
    /// - Parameter scales: the first of each run, then the second of each.
    private static func squaredErrors(
        _ runs: [UnsafeBufferPointer<Float>], _ scales: SIMD8<Float>, _ codes: ClosedRange<Float>
    ) -> SIMD8<Double> {
        // Lanes without a run repeat the first.
        let (a, b, c, d) = (runs[0], runs.count > 1 ? runs[1] : runs[0], runs.count > 2 ? runs[2] : runs[0], runs.count > 3 ? runs[3] : runs[0])
        let inverse = SIMD8<Float>(repeating: 1) / scales
        let (bottom, top) = (SIMD8(repeating: codes.lowerBound), SIMD8(repeating: codes.upperBound))
        let shift = SIMD8<Float>(repeating: 12_582_912)
        let widths = SIMD8<Double>(scales)
        var sums = SIMD8<Double>.zero
        for start in stride(from: 0, to: a.count, by: 256) {
            var part = SIMD8<Float>.zero
            for index in start..<min(start + 256, a.count) {
                let values = SIMD4(a[index], b[index], c[index], d[index])
                let quotient = SIMD8(lowHalf: values, highHalf: values) * inverse
                let above = quotient.replacing(with: bottom, where: quotient .< bottom)
                let code = above.replacing(with: top, where: above .> top) + shift - shift
                let difference = quotient - code
                part += difference * difference
            }
            sums += SIMD8<Double>(part) * widths * widths
        }
        return sums
    }

    /// The smallest number that is not above 0, and the largest that is not below; what is no number counts for nothing.
    private static func bounds(of values: UnsafeBufferPointer<Float>) -> (low: Float, high: Float) {
        let whole = values.count / 8 * 8
        var (lows, highs) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        for start in stride(from: 0, to: whole, by: 8) {
            let own = UnsafeRawBufferPointer(values).loadUnaligned(fromByteOffset: start * MemoryLayout<Float>.stride, as: SIMD8<Float>.self)
            lows.replace(with: own, where: own .< lows)
            highs.replace(with: own, where: own .> highs)
        }
        var (low, high) = (lows.min(), highs.max())
        for index in whole..<values.count { (low, high) = (min(low, values[index]), max(high, values[index])) }
        return (low, high)
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

    /// The same handed to `body`, without a copy where elements lie so.
    package func withGroups<Result>(
        _ values: UnsafeBufferPointer<Float>, _ body: (_ elements: UnsafeBufferPointer<Float>, _ starts: [Int]) -> Result
    ) -> Result {
        if isGrouped { return body(values, groupStarts) }
        let (elements, starts) = grouped(values)
        return elements.withUnsafeBufferPointer { body($0, starts) }
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

    /// Whether elements that share a scale lie in a row, the groups one after the other, as `grouped` has them.
    package var isGrouped: Bool {
        guard scaleStep == 0 else { return false }
        var (isGrouped, last) = (true, -1)
        forEachRun(in: 0..<elementCount) { _, scale in
            isGrouped = isGrouped && scale == last + 1
            last = scale
        }
        return isGrouped
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
