package import WinnowGraph

/// Running sums along the axis in input 1.
package struct CumSum: CumulativeOperator {
    package static let type = OperatorType("CumSum")
    package static let maximumInputCount = 2
    package var float32Inputs: Set<Int> { [0] }
    package static let multiplies = false

    package var isExclusive: Bool
    package var isReverse: Bool

    package init(isExclusive: Bool = false, isReverse: Bool = false) {
        self.isExclusive = isExclusive
        self.isReverse = isReverse
    }

    package var minimumVersion: Int { 11 }

    /// The running sum the other way round.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let op = CumSum(isExclusive: isExclusive, isReverse: !isReverse)
        return [try context.builder.add(op, context.outputGradient(), context.input(1)), nil]
    }
}
