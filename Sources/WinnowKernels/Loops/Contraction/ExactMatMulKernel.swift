package import WinnowTensor

/// target = left · right in the operands' own type: float64, or integers of 32 and 64 bits whose sums wrap; by plain loops.
package struct ExactMatMulKernel: Sendable {
    private let geometry: MatMulGeometry
    private let elementType: ElementType
    /// Of left and right: the distance in elements between rows and between columns.
    private let left: (row: Int, column: Int)
    private let right: (row: Int, column: Int)
    /// Where the matrices of each batch index start, in elements.
    private let leftStarts: [Int]
    private let rightStarts: [Int]

    /// Whether there are products of this type.
    package static func supports(_ elementType: ElementType) -> Bool {
        [.float64, .int32, .uint32, .int64, .uint64].contains(elementType)
    }

    package init(_ geometry: MatMulGeometry, _ elementType: ElementType) throws {
        try geometry.validate()
        guard Self.supports(elementType) else {
            throw WinnowError(.unsupported, "matrix product", "is not defined for \(elementType)")
        }
        self.geometry = geometry
        self.elementType = elementType
        let (a, b) = (geometry.leftView, geometry.rightView)
        let rank = a.extents.count
        left = (a.strides[rank - 2], a.strides[rank - 1])
        right = (b.strides[rank - 2], b.strides[rank - 1])
        let batch = Shape(Array(geometry.targetShape.dropLast(2)))
        leftStarts = Self.starts(batch, a)
        rightStarts = Self.starts(batch, b)
    }

    /// Where each batch index finds its matrix; axes of extent 1 stand still.
    private static func starts(_ batch: Shape, _ view: (extents: [Int], strides: [Int])) -> [Int] {
        let steps = batch.strides
        return (0..<batch.elementCount).map { index in
            batch.indices.reduce(0) { sum, axis in
                sum + (view.extents[axis] == 1 ? 0 : index / steps[axis] % batch[axis] * view.strides[axis])
            }
        }
    }

    package func run(left: UnsafeRawPointer, right: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        switch elementType {
        case .float64: multiply(left, right, target, Double(0)) { $0 + $1 * $2 }
        case .int32, .uint32: multiply(left, right, target, UInt32(0)) { $0 &+ $1 &* $2 }
        default: multiply(left, right, target, UInt64(0)) { $0 &+ $1 &* $2 }
        }
    }

    @inline(__always)
    private func multiply<Scalar: BitwiseCopyable>(
        _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ zero: Scalar,
        _ add: (Scalar, Scalar, Scalar) -> Scalar
    ) {
        let (rows, depth, columns) = (geometry.rows, geometry.depth, geometry.columns)
        Parallel.forEach(leftStarts.count * rows, minimum: max(1, threadShare / max(depth * columns, 1))) { index in
            let (batch, row) = index.quotientAndRemainder(dividingBy: rows)
            let x = a.assumingMemoryBound(to: Scalar.self) + leftStarts[batch] + row * left.row
            let y = b.assumingMemoryBound(to: Scalar.self) + rightStarts[batch]
            let sums = target.assumingMemoryBound(to: Scalar.self) + index * columns
            if right.column == 1 {
                sums.update(repeating: zero, count: columns)
                for k in 0..<depth {
                    let (factor, values) = (x[k * left.column], y + k * right.row)
                    for column in 0..<columns { sums[column] = add(sums[column], factor, values[column]) }
                }
            } else {
                for column in 0..<columns {
                    var sum = zero
                    for k in 0..<depth { sum = add(sum, x[k * left.column], y[k * right.row + column * right.column]) }
                    sums[column] = sum
                }
            }
        }
    }
}
