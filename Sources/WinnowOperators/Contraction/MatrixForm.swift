package import WinnowGraph

/// A product of a matrix (or several) with one on its right, and what is added: alpha · x·W + beta · b.
package protocol MatrixForm: ChannelContraction {
    var transposesLeft: Bool { get }
    var transposesRight: Bool { get }
    var alpha: Float { get }
    var beta: Float { get }

    /// Two products in its place, x·A and then ·B + b, that read their right operands as it does.
    var factored: (first: Self, second: Self) { get }
}

extension Operator {
    /// What it multiplies products and the bias with: alpha and beta. 1 of what is no product of matrices.
    package var factors: (product: Float, bias: Float) { (self as? any MatrixForm).map { ($0.alpha, $0.beta) } ?? (1, 1) }

    /// Whether it puts no factors on what it multiplies or adds: alpha = beta = 1. True of what is no product of matrices.
    package var hasNoFactors: Bool { factors == (1, 1) }
}

extension MatMul: MatrixForm {
    package var transposesLeft: Bool { false }
    package var transposesRight: Bool { false }
    package var alpha: Float { 1 }
    package var beta: Float { 1 }
    package var factored: (first: MatMul, second: MatMul) { (self, self) }
}

extension Gemm: MatrixForm {
    package var factored: (first: Gemm, second: Gemm) {
        (
            Gemm(transposesLeft: transposesLeft, transposesRight: transposesRight),
            Gemm(transposesRight: transposesRight, alpha: alpha, beta: beta)
        )
    }
}
