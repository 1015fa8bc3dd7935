internal import CWinnowKernels

/// The numbers that the elements of a matrix may become: scale · (code − zero), a scale and a zero point for each element,
/// codes between `low` and `high`. Elements whose scale is 0 are 0, whatever the matrix holds.
package struct RoundingGrid: Sendable {
    /// Scales, row-major as the matrix is, then zero points.
    private let parameters: [Float]
    package let low: Float
    package let high: Float

    package init(scales: [Float], zeros: [Float], low: Float, high: Float) {
        (parameters, self.low, self.high) = (scales + zeros, low, high)
    }

    var count: Int { parameters.count / 2 }
    package var scales: ArraySlice<Float> { parameters[..<count] }
    package var zeros: ArraySlice<Float> { parameters[count...] }

    func withPointers<Result>(
        _ body: (_ scales: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>) throws -> Result
    ) rethrows -> Result? {
        try parameters.withUnsafeBufferPointer { pointer in try pointer.baseAddress.map { try body($0, $0 + count) } }
    }

    /// Each element as the nearest of its numbers, halves to even.
    package func nearest(_ matrix: Matrix<Float>) -> Matrix<Float> {
        var result = matrix
        withPointers { scales, zeros in
            result.elements.withUnsafeMutableBufferPointer { target in
                guard let target = target.baseAddress else { return }
                winnow_round_nearest(matrix.elements, target, count, scales, zeros, low, high)
            }
        }
        return result
    }
}
