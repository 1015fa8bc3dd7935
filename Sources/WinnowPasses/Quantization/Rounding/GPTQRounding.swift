import WinnowGraph
import WinnowKernels
import WinnowTensor

/// One input after the other is rounded, and what that costs is made up for by the inputs that come after it, so that W·X moves
/// least over calibration data (GPTQ; Frantar et al. 2022, algorithm 1: errors spread by the rows of the Cholesky factor of H⁻¹,
/// H = (2/n)XᵀX with a part of its mean diagonal added).
///
/// As in the authors' code inputs may come by the diagonal of H, largest first, and the scales of a block are found when it
/// begins. Otherwise than there the weights of inputs that the data never shows are rounded to the nearest, not set to 0, and
/// outputs that nearest rounding would move less keep that.
package struct GPTQRounding: WeightRounding {
    package static let name = "gptq"
    package static let needs = PassNeeds.calibration
    /// Columns that are made up for one by one before the rest is, as in the authors' code.
    private static let width = 128

    private let choice: RoundingChoice

    package init(_ choice: RoundingChoice) { self.choice = choice }

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) throws -> RoundedWeight? {
        guard let layer else { return nil }
        var rounding = LayerRounding(layer, task)
        for (columns, moment) in layer.moments {
            var result = rounding.weight[columns: columns]
            let count = result.rows / moment.groupCount
            for group in 0..<moment.groupCount {
                let rows = (group * count)..<((group + 1) * count)
                guard let own = try round(&rounding, rows, columns, moment.group(group)) else { return nil }
                let places = (rows.lowerBound * result.columns)..<(rows.upperBound * result.columns)
                result.elements.replaceSubrange(places, with: own.elements)
            }
            try rounding.take(result, at: columns, moment)
        }
        return rounding.rounded
    }

    private func round(
        _ rounding: inout LayerRounding, _ rows: Range<Int>, _ columns: Range<Int>, _ moment: SecondMoment
    ) throws -> Matrix<Float>? {
        let diagonal = (0..<columns.count).map { moment.matrix[$0, $0] }
        var order = Array(diagonal.indices)
        if choice.actOrder { order.sort { (diagonal[$1], $0) < (diagonal[$0], $1) } }
        guard let factor = moment.dampedFactor(choice.damping, order) else { return nil }
        let weight = rounding.weight[rows: rows][columns: columns]
        var state = CompensatedRounding(choice.actOrder ? weight.permuted(order) : weight, factor)
        let block = choice.actOrder || choice.staticGroups ? nil : rounding.blockColumns
        let width = block.map { min($0, columns.count) } ?? Self.width
        for start in stride(from: 0, to: columns.count, by: width) {
            let range = start..<min(start + width, columns.count)
            let settled = try state.settled(range)
            let own = block == nil ? nil : rounding.refit(settled, at: start)
            let grid = own ?? rounding.grid(rows: rows, columns: range.map { columns.lowerBound + order[$0] })
            state.round(settled, at: range, grid)
        }
        guard choice.actOrder else { return state.matrix }
        var places = order
        for (place, column) in order.enumerated() { places[column] = place }
        return state.matrix.permuted(places)
    }
}

extension SecondMoment {
    /// The factor with as much more damping as it takes; nil where nothing helps.
    fileprivate func dampedFactor(_ damping: Double, _ order: [Int]) -> Matrix<Float>? {
        [damping, max(10 * damping, 1e-4), max(100 * damping, 1e-2), 1].lazy
            .compactMap { try? inverseFactor(damping: $0, order: order) }.first
    }
}

extension Matrix<Float> {
    /// Column i is column `order[i]`.
    fileprivate func permuted(_ order: [Int]) -> Matrix {
        Matrix((0..<rows).flatMap { row in order.map { self[row, $0] } }, rows: rows, columns: columns)
    }
}
