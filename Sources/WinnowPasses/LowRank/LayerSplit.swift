import WinnowGraph
import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// One layer as several of lower rank, in the order in which data meets them; the last keeps the bias.
package struct LayerSplit {
    var layers: [(op: any Operator, weight: Tensor)]
    var ranks: [(kept: Int, full: Int)]
    /// The part of Σw² that is kept.
    var energy: Double
    var elementCount: Int { layers.reduce(0) { $0 + $1.weight.elementCount } }

    /// `ranks` in words.
    var text: String {
        "\(ranks.count == 1 ? "rank" : "ranks") \(ranks.map { "\($0.kept) of \($0.full)" }.joined(separator: " and "))"
    }
}

/// How large ranks are.
package struct RankRule {
    /// Part of the squared singular values to keep.
    var energy: Double
    /// A part of the full rank, instead of energy.
    var fraction: Double?

    func rank(of factors: SingularValueDecomposition<Float>) -> Int {
        let full = factors.values.count
        return max(1, fraction.map { Int(($0 * Double(full)).rounded()) } ?? factors.rank(energy: energy))
    }

    /// The two factors of a matrix and the part of its energy that they keep.
    func factors(of matrix: Matrix<Float>) throws(Refusal) -> (left: Matrix<Float>, right: Matrix<Float>, energy: Double) {
        let whole = try Self.decomposition(of: matrix)
        let rank = rank(of: whole)
        let squares = whole.values.map { Double($0) * Double($0) }
        let (left, right) = whole.factors(rank: rank)
        return (left, right, squares.prefix(rank).reduce(0, +) / max(squares.reduce(0, +), .leastNormalMagnitude))
    }

    static func decomposition(of matrix: Matrix<Float>) throws(Refusal) -> SingularValueDecomposition<Float> {
        do { return try SingularValueDecomposition(matrix) } catch { throw Refusal("its decomposition did not converge") }
    }
}

/// A way to split a convolution without groups.
package protocol ConvolutionSplit: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    static func split(_ conv: Conv, _ weight: Tensor, _ rule: RankRule) throws(Refusal) -> LayerSplit
}
