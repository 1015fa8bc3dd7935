package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The determinant of square matrices, by elimination in float64.
package struct Det: Operator, AttributeFree {
    package static let type = OperatorType("Det")
    package static let maximumInputCount = 1

    package init() {}

    package var minimumVersion: Int { 11 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        guard extents.count >= 2, let n = extents.last, n.value == nil || extents[extents.count - 2].value ?? n.value == n.value else {
            throw WinnowError(.shape, "input \(data.type)", "is not square")
        }
        return [ValueInfo(data.elementType, Array(extents.dropLast(2)))]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let (widen, narrow) = (
            try CastKernel(from: data.elementType, to: .float64), try CastKernel(from: .float64, to: data.elementType)
        )
        let (n, total) = (data.shape[data.shape.rank - 1], data.shape.elementCount)
        let count = data.shape.dropLast(2).reduce(1, *)
        var layout = ScratchLayout()
        let (valuesOffset, resultsOffset) = (layout.reserve(total, of: .float64), layout.reserve(count, of: .float64))
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            widen.run(from: operands.input(0), to: scratch + valuesOffset, count: total)
            let values = (scratch + valuesOffset).assumingMemoryBound(to: Double.self)
            let results = (scratch + resultsOffset).assumingMemoryBound(to: Double.self)
            for index in 0..<count { results[index] = Self.determinant(values + index * n * n, n) }
            narrow.run(from: results, to: operands.output(0), count: count)
        }
    }

    /// Of each element its cofactor: the determinant of what is left without its row and column, with alternating sign.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (b, x) = (context.builder, try context.input(0))
        // The minors together have n⁴ elements.
        guard let n = context.info(of: x)?.extents?.last?.value, n <= 32 else { return nil }
        let g = try b.reshaped(context.outputGradient(), [-1, 1, 1])
        guard n > 1 else { return [try b.add(Reshape(), g, b.shape(of: x))] }
        let cells = (0..<n).flatMap { row in (0..<n).map { column in (row: row, column: column) } }
        let minors = cells.flatMap { cell in
            cells.filter { $0.row != cell.row && $0.column != cell.column }.map { Int64($0.row * n + $0.column) }
        }
        let places = b.constant("minors", Tensor(minors, shape: [n, n, n - 1, n - 1]))
        let signs = Tensor(cells.map { ($0.row + $0.column) % 2 == 0 ? 1 : -1 }, shape: [n, n], as: b.elementType(of: x))
        let determinants = try b.add(Det(), b.add(Gather(axis: 1), b.reshaped(x, [-1, n * n]), places))
        let cofactors = try b.multiply(determinants, b.constant("signs", signs))
        return [try b.add(Reshape(), b.multiply(g, cofactors), b.shape(of: x))]
    }

    /// Gaussian elimination with row pivots, in place.
    private static func determinant(_ matrix: UnsafeMutablePointer<Double>, _ n: Int) -> Double {
        var result = 1.0
        for column in 0..<n {
            let pivot = (column..<n).max { matrix[$0 * n + column].magnitude < matrix[$1 * n + column].magnitude } ?? column
            let divisor = matrix[pivot * n + column]
            if divisor == 0 { return 0 }
            result *= pivot == column ? divisor : -divisor
            for k in 0..<n where pivot != column {
                (matrix[pivot * n + k], matrix[column * n + k]) = (matrix[column * n + k], matrix[pivot * n + k])
            }
            for row in (column + 1)..<max(n, column + 1) {
                let factor = matrix[row * n + column] / divisor
                for k in column..<n { matrix[row * n + k] -= factor * matrix[column * n + k] }
            }
        }
        return result
    }
}
