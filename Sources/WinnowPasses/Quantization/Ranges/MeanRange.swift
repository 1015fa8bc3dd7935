/// The range of steps 2·mean|x|/√q_max, from which learned steps start (LSQ; Esser et al. 2020, section 2.1).
package struct MeanRange: RangeRule {
    package static let name = "mean"
    package static let needsHistogram = true

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, levels: Int) -> ClosedRange<Float>? {
        guard let histogram = observed.histogram, let whole = observed.whole else { return observed.whole }
        var (sum, count) = (0.0, 0)
        for (index, number) in histogram.counts.enumerated() where number > 0 {
            sum += abs(histogram.origin + (Double(index) + 0.5) * histogram.width) * Double(number)
            count += number
        }
        let isSigned = whole.lowerBound < 0
        let largest = Double(isSigned ? levels / 2 - 1 : levels - 1)
        let step = 2 * sum / Double(max(1, count)) / max(1, largest).squareRoot()
        guard step > 0 else { return whole }
        return isSigned ? Float(-step * Double(levels / 2))...Float(step * largest) : 0...Float(step * largest)
    }
}
