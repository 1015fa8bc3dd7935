package import WinnowTensor

/// Σ (a − zero point) · (b − zero point) in int32 for matrices of 8-bit codes that both change from run to run; batches
/// broadcast. For constant right matrices `IntegerMatMulKernel` is many times faster.
package struct IntegerProductKernel: Sendable {
    private let rows: Int
    private let depth: Int
    private let columns: Int
    /// Where the matrices of each batch index start, in elements.
    private let leftStarts: [Int]
    private let rightStarts: [Int]
    private let isSigned: (left: Bool, right: Bool)

    /// Shapes of at least two axes.
    package init(_ left: Shape, _ leftType: ElementType, _ right: Shape, _ rightType: ElementType) throws {
        guard left.rank >= 2, right.rank >= 2, left[left.rank - 1] == right[right.rank - 2],
            let batch = Shape(Array(left.dropLast(2))).broadcast(with: Shape(Array(right.dropLast(2))))
        else { throw WinnowError(.shape, "integer product", "\(left) and \(right) do not fit") }
        rows = left[left.rank - 2]
        depth = left[left.rank - 1]
        columns = right[right.rank - 1]
        func starts(_ shape: Shape) -> [Int] {
            let (own, strides, steps) = (shape.dropLast(2), shape.strides, batch.strides)
            return (0..<batch.elementCount).map { index in
                own.indices.reduce(0) { sum, axis in
                    let position = axis + batch.rank - own.count
                    return sum + (shape[axis] == 1 ? 0 : index / steps[position] % batch[position] * strides[axis])
                }
            }
        }
        leftStarts = starts(left)
        rightStarts = starts(right)
        isSigned = (leftType == .int8, rightType == .int8)
    }

    /// `leftZero` gives the zero point of a row, `rightZero` that of a column.
    package func run(
        _ left: UnsafeRawPointer, leftZero: (Int) -> Int32, _ right: UnsafeRawPointer, rightZero: (Int) -> Int32,
        to target: UnsafeMutablePointer<Int32>
    ) {
        func run<Left: FixedWidthInteger, Right: FixedWidthInteger>(_ a: Left.Type, _ b: Right.Type) {
            for batch in leftStarts.indices {
                let x = left.assumingMemoryBound(to: Left.self) + leftStarts[batch]
                let y = right.assumingMemoryBound(to: Right.self) + rightStarts[batch]
                for row in 0..<rows {
                    let sums = target + (batch * rows + row) * columns
                    sums.update(repeating: 0, count: columns)
                    let zero = leftZero(row)
                    for k in 0..<depth {
                        let factor = Int32(x[row * depth + k]) &- zero
                        for column in 0..<columns { sums[column] &+= factor &* Int32(y[k * columns + column]) }
                    }
                    let total = (0..<depth).reduce(Int32(0)) { $0 &+ Int32(x[row * depth + $1]) &- zero }
                    for column in 0..<columns { sums[column] &-= total &* rightZero(column) }
                }
            }
        }
        switch isSigned {
        case (false, false): run(UInt8.self, UInt8.self)
        case (false, true): run(UInt8.self, Int8.self)
        case (true, false): run(Int8.self, UInt8.self)
        case (true, true): run(Int8.self, Int8.self)
        }
    }
}
