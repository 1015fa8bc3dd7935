package import WinnowGraph
import WinnowTensor

/// Running products along the axis in input 1.
package struct CumProd: CumulativeOperator {
    package static let type = OperatorType("CumProd")
    package static let maximumInputCount = 2
    package static let multiplies = true

    package var isExclusive: Bool
    package var isReverse: Bool

    package init(isExclusive: Bool = false, isReverse: Bool = false) {
        self.isExclusive = isExclusive
        self.isReverse = isReverse
    }

    package var minimumVersion: Int { 26 }

    /// ∂y_j/∂x_i is the running product at j with x_i replaced by 1, where j's product holds x_i: exact at zeros too.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (b, x) = (context.builder, try context.input(0))
        guard let extents = context.info(of: x)?.extents, let axis = context.info(of: try context.input(1))?.integers?.first
        else { return nil }
        let rank = extents.count
        let own = try axis.normalizedAxis(rank: rank)
        // n·n products for each row.
        guard let n = extents[own].value, n <= 4096 else { return nil }
        var order = Array(0..<rank)
        order.append(order.remove(at: own))
        /// The axis last, before it one for the element that is replaced.
        func wide(_ value: ValueName) throws -> ValueName { try b.unsqueezed(b.transposed(value, order), [rank - 1]) }
        func square(_ name: String, as type: ElementType, _ holds: (Int, Int) -> Bool) -> ValueName {
            let cells = (0..<n).flatMap { i in (0..<n).map { j in holds(i, j) ? 1.0 : 0 } }
            return b.constant(name, Tensor(cells, shape: [n, n], as: type))
        }
        let replaced = try b.add(Where(), square("replaced", as: .bool) { $0 == $1 }, b.scalar(1, like: x), wide(x))
        let products = try b.add(self, replaced, b.constant("axis", scalar: Int64(rank)))
        let isFactor = square("factors", as: b.elementType(of: x)) { i, j in
            i == j ? !isExclusive : isReverse ? j < i : i < j
        }
        let terms = try b.multiply(b.multiply(products, isFactor), wide(context.outputGradient()))
        let sums = try b.reduced(ReduceSum.self, terms, axes: [rank], keepsAxes: false)
        return [try b.transposed(sums, order.indices.map { order.firstIndex(of: $0) ?? $0 }), nil]
    }
}
