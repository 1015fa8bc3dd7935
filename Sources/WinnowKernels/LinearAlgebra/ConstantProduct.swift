import WinnowTensor

/// Products of float32 matrices of as many rows with one that stays the same.
package final class ConstantProduct {
    private let kernel: MatMulKernel
    private let columns: Int
    private let scratch: UnsafeMutableRawPointer

    /// - Parameter rows: of the left matrices.
    package init(rows: Int, right: Matrix<Float>) throws {
        columns = right.columns
        kernel = try right.elements.withUnsafeBytes { bytes in
            try MatMulKernel(MatMulGeometry(left: [rows, right.rows], right: [right.rows, right.columns]), constantRight: bytes.baseAddress)
        }
        scratch = .allocate(byteCount: max(64, kernel.scratchByteCount), alignment: 64)
    }

    deinit { scratch.deallocate() }

    package func callAsFunction(_ left: Matrix<Float>) throws -> Matrix<Float> {
        var result = Matrix<Float>(zeros: left.rows, columns)
        try left.elements.withUnsafeBytes { left in
            try result.elements.withUnsafeMutableBytes { target in
                guard let source = left.baseAddress, let place = target.baseAddress else { return }
                try kernel.run(left: source, target: place, scratch: scratch)
            }
        }
        return result
    }
}
