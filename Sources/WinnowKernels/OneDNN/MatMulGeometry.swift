package import WinnowTensor

/// The shapes of target = left · right over the last two axes, batch axes broadcast as in NumPy.
package struct MatMulGeometry: Hashable, Sendable {
    /// (batch…, M, K) as stored, or (batch…, K, M) if transposed.
    package var leftShape: Shape
    /// (batch…, K, N) as stored, or (batch…, N, K) if transposed.
    package var rightShape: Shape
    package var transposesLeft: Bool
    package var transposesRight: Bool

    package init(left: Shape, right: Shape, transposesLeft: Bool = false, transposesRight: Bool = false) {
        leftShape = left
        rightShape = right
        self.transposesLeft = transposesLeft
        self.transposesRight = transposesRight
    }

    /// The extents M, N and K. Meaningful after `validate`.
    package var rows: Int { leftShape[leftShape.rank - (transposesLeft ? 1 : 2)] }
    package var columns: Int { rightShape[rightShape.rank - (transposesRight ? 2 : 1)] }
    package var depth: Int { leftShape[leftShape.rank - (transposesLeft ? 2 : 1)] }

    /// (batch…, M, N). Meaningful after `validate`.
    package var targetShape: Shape { Shape((batch?.extents ?? []) + [rows, columns]) }

    /// How many products are summed. Meaningful after `validate`.
    var productCount: Int { targetShape.elementCount * depth }

    private var batch: Shape? {
        Shape(Array(leftShape.dropLast(2))).broadcast(with: Shape(Array(rightShape.dropLast(2))))
    }

    /// Throws a `shape` error that says which rule is broken.
    package func validate() throws {
        guard leftShape.rank >= 2, rightShape.rank >= 2, batch != nil,
            depth == rightShape[rightShape.rank - (transposesRight ? 1 : 2)]
        else {
            let marks = (transposesLeft ? "ᵀ" : "", transposesRight ? "ᵀ" : "")
            throw WinnowError(
                .shape, "matrix product", "\(leftShape)\(marks.0) and \(rightShape)\(marks.1) do not fit together")
        }
    }

    /// The same rows and columns with another extent summed over.
    func withDepth(_ depth: Int) -> MatMulGeometry {
        func replaced(_ shape: Shape, _ axis: Int) -> Shape {
            var extents = shape.extents
            extents[axis] = depth
            return Shape(extents)
        }
        var result = self
        result.leftShape = replaced(leftShape, leftShape.rank - (transposesLeft ? 2 : 1))
        result.rightShape = replaced(rightShape, rightShape.rank - (transposesRight ? 1 : 2))
        return result
    }

    /// The same product with the fewest batch axes: left batches become rows where one right matrix serves all.
    var folded: MatMulGeometry {
        guard !transposesLeft, leftShape.rank > 2, rightShape.dropLast(2).allSatisfy({ $0 == 1 }),
            leftShape.rank >= rightShape.rank
        else { return self }
        var result = self
        result.leftShape = [leftShape.dropLast().reduce(1, *), depth]
        result.rightShape = Shape(Array(rightShape.suffix(2)))
        return result
    }

    /// Extents and strides as oneDNN wants them: equal ranks, (batch…, M, K).
    var leftView: (extents: [Int], strides: [Int]) { view(leftShape, transposes: transposesLeft) }
    var rightView: (extents: [Int], strides: [Int]) { view(rightShape, transposes: transposesRight) }

    private func view(_ shape: Shape, transposes: Bool) -> (extents: [Int], strides: [Int]) {
        let missing = max(leftShape.rank, rightShape.rank) - shape.rank
        let padded = Shape([Int](repeating: 1, count: missing) + shape.extents)
        var extents = padded.extents
        var strides = padded.strides
        if transposes {
            extents.swapAt(extents.count - 1, extents.count - 2)
            strides.swapAt(strides.count - 1, strides.count - 2)
        }
        return (extents, strides)
    }
}
