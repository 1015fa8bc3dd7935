import WinnowKernels

/// The ranks of a layer from full to 1, at each step one less: of several that whose component loses least for what it takes.
struct RankPath {
    /// After each step.
    let steps: [[Int]]
    /// By step the energy it loses for the cost it saves, never falling: the slopes of the lower convex hull of lost energy
    /// over cost, whose first leads from the layer as it is; infinite where no rank pays.
    let keys: [Double]

    /// - Parameter unit: what an element of the weight costs.
    init(_ layer: FactorizedWeight, unit: Double) {
        var ranks = layer.decomposition.fullRanks
        var steps: [[Int]] = []
        var points: [(step: Int, size: Double, loss: Double)] = []
        var loss = 0.0
        while let next = Self.next(ranks, layer.decomposition) {
            (ranks, loss) = (next.ranks, loss + next.loss)
            points.append((steps.count, Double(next.size), loss))
            steps.append(ranks)
        }
        // Once ranks pay, all smaller ones do.
        var (first, end) = (0, steps.count)
        while first < end {
            let middle = (first + end) / 2
            if layer.objection(to: steps[middle]) == nil { end = middle } else { first = middle + 1 }
        }
        self.steps = steps
        let paying = [(step: -1, size: Double(layer.elementCount), loss: 0.0)] + points[first...]
        keys = Self.slopes(paying, count: steps.count).map { $0 / max(unit, .leastNormalMagnitude) }
    }

    private static func next(_ ranks: [Int], _ layer: any LayerDecomposition) -> (
        ranks: [Int], size: Int, loss: Double
    )? {
        let size = layer.elementCount(ranks)
        let choices = ranks.indices.filter { ranks[$0] > 1 }.map { mode in
            var less = ranks
            less[mode] -= 1
            let spectrum = layer.spectra[mode]
            let loss = spectrum.squares[less[mode]] / max(spectrum.total, .leastNormalMagnitude)
            return (ranks: less, size: layer.elementCount(less), loss: loss)
        }
        return choices.min { $0.loss * Double(size - $1.size) < $1.loss * Double(size - $0.size) }
    }

    /// The slopes of the lower convex hull, one for each step.
    private static func slopes(_ points: [(step: Int, size: Double, loss: Double)], count: Int) -> [Double] {
        func slope(_ a: (step: Int, size: Double, loss: Double), _ b: (step: Int, size: Double, loss: Double)) -> Double
        {
            (b.loss - a.loss) / max(a.size - b.size, .leastNormalMagnitude)
        }
        var hull: [(step: Int, size: Double, loss: Double)] = []
        for point in points {
            while hull.count > 1,
                slope(hull[hull.count - 2], hull[hull.count - 1]) >= slope(hull[hull.count - 1], point)
            { hull.removeLast() }
            hull.append(point)
        }
        var slopes = [Double](repeating: .infinity, count: count)
        for (from, to) in zip(hull, hull.dropFirst()) {
            for step in (from.step + 1)...to.step { slopes[step] = slope(from, to) }
        }
        return slopes
    }
}
