internal import COpenBLAS
internal import WinnowTensor

/// A dense row-major matrix of float32 or float64.
package struct Matrix<Scalar: LapackScalar>: Hashable, Sendable {
    package let rows: Int
    package let columns: Int
    package var elements: [Scalar]

    package init(_ elements: [Scalar], rows: Int, columns: Int) {
        precondition(elements.count == rows * columns, "\(elements.count) elements do not fill \(rows)×\(columns)")
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    package init(zeros rows: Int, _ columns: Int) {
        self.init([Scalar](repeating: 0, count: rows * columns), rows: rows, columns: columns)
    }

    package subscript(row: Int, column: Int) -> Scalar {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }

    package var transposed: Matrix {
        Matrix(
            [Scalar](unsafeUninitializedCapacity: elements.count) { target, count in
                elements.withUnsafeBufferPointer { source in
                    for row in 0..<rows { for column in 0..<columns { target[column * rows + row] = source[row * columns + column] } }
                }
                count = elements.count
            }, rows: columns, columns: rows)
    }

    /// The matrix product; for matrices of a few thousand rows at most.
    package static func * (a: Matrix, b: Matrix) -> Matrix { loopedProduct(a, b) }

    fileprivate static func loopedProduct(_ a: Matrix, _ b: Matrix) -> Matrix {
        precondition(a.columns == b.rows, "\(a.rows)×\(a.columns) by \(b.rows)×\(b.columns)")
        var result = Matrix(zeros: a.rows, b.columns)
        a.elements.withUnsafeBufferPointer { x in
            b.elements.withUnsafeBufferPointer { y in
                result.elements.withUnsafeMutableBufferPointer { z in
                    guard let x = x.baseAddress, let y = y.baseAddress, let z = z.baseAddress else { return }
                    for i in 0..<a.rows {
                        let row = z + i * b.columns
                        for k in 0..<a.columns {
                            let factor = x[i * a.columns + k]
                            let other = y + k * b.columns
                            for j in 0..<b.columns { row[j] += factor * other[j] }
                        }
                    }
                }
            }
        }
        return result
    }
}

extension Matrix<Float> {
    /// The matrix product, by oneDNN where it takes it.
    package static func * (a: Matrix, b: Matrix) -> Matrix { (try? product(a, b)) ?? loopedProduct(a, b) }

    private static func product(_ a: Matrix, _ b: Matrix) throws -> Matrix {
        let kernel = try MatMulKernel(MatMulGeometry(left: [a.rows, a.columns], right: [b.rows, b.columns]))
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: max(64, kernel.scratchByteCount), alignment: 64)
        defer { scratch.deallocate() }
        var result = Matrix(zeros: a.rows, b.columns)
        try a.elements.withUnsafeBytes { left in
            try b.elements.withUnsafeBytes { right in
                try result.elements.withUnsafeMutableBytes { target in
                    guard let x = left.baseAddress, let z = target.baseAddress else { return }
                    try kernel.run(left: x, right: right.baseAddress, target: z, scratch: scratch)
                }
            }
        }
        return result
    }
}

/// Runs a LAPACK routine on kernels' thread count, or on one thread where the matrix is so small that threads would mostly wait,
/// and turns its status into an error.
func lapack(_ routine: String, _ problem: String, size: Int = .max, _ body: () -> Int32) throws {
    winnow_setLAPACKThreadCount(size <= 2048 ? 1 : Int32(ThreadCount.current))
    let status = body()
    if status == 0 { return }
    throw WinnowError(
        .numeric, routine, status < 0 ? "argument \(-status) is not a number or out of range" : problem)
}
