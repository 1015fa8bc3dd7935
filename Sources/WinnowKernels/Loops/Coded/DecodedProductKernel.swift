internal import CWinnowKernels
internal import WinnowTensor

/// target = left · matrix + bias with a matrix of codes that becomes numbers a tile of columns at a time, for so many rows that decoding
/// counts little. Each thread has tiles of its own. Not for two threads at a time.
package final class DecodedProductKernel: @unchecked Sendable {
    private let matrix: CodedMatrix
    private let zerosAreFloats: Bool
    /// Columns that are decoded together.
    private let width: Int
    private let tileCount: Int
    private let workers: [Worker]
    /// Of the last tile where that is narrower.
    private let last: Worker?
    private let failures: PartFailures
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// What a thread needs for a tile.
    private struct Worker {
        let product: PackedProduct
        let tileOffset: Int
    }

    /// Numbers of a tile: what the second cache of a core holds.
    private static let tileSize = 1 << 18

    package init(_ matrix: CodedMatrix, rows: Int, hasBias: Bool, zerosAreFloats: Bool = false) throws {
        (self.matrix, self.zerosAreFloats) = (matrix, zerosAreFloats)
        let threads = ThreadCount.worth(.products(rows *| matrix.columns *| matrix.depth))
        let fitting = max(4, Self.tileSize / max(matrix.depth, 1) / CodedMatrix.panelWidth)
        width = min(matrix.columns, min(fitting, (matrix.panelCount + threads - 1) / threads) * CodedMatrix.panelWidth)
        tileCount = (matrix.columns + width - 1) / width
        var scratch = ScratchLayout()
        func worker(_ columns: Int) throws -> Worker {
            let tile = try MemoryDescriptor(dense: [matrix.depth, columns])
            let product = try PackedProduct(
                rows: rows, matrix.depth, columns, right: tile, hasBias: hasBias, targetStride: matrix.columns, &scratch)
            return Worker(product: product, tileOffset: scratch.reserve(matrix.depth * columns, of: .float32))
        }
        workers = try (0..<min(threads, tileCount)).map { [width] _ in try worker(width) }
        let rest = matrix.columns % width
        last = rest > 0 ? try worker(rest) : nil
        failures = PartFailures(workers.count)
        scratchByteCount = scratch.byteCount
    }

    package func run(
        left: UnsafeRawPointer, _ operand: CodedProductKernel.Operand, bias: UnsafeRawPointer?, target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) throws {
        guard let scratch else { return }
        let coded = operand.coded(matrix, zerosAreFloats: zerosAreFloats)
        let data = left.assumingMemoryBound(to: Float.self)
        let (added, results) = (bias?.assumingMemoryBound(to: Float.self), target.assumingMemoryBound(to: Float.self))
        try failures.forParts { part in
            for tile in (tileCount * part / workers.count)..<(tileCount * (part + 1) / workers.count) {
                let start = tile * width
                let count = min(width, matrix.columns - start)
                let worker = count == width ? workers[part] : last ?? workers[part]
                let numbers = (scratch + worker.tileOffset).assumingMemoryBound(to: Float.self)
                let first = start / CodedMatrix.panelWidth
                let panels = (count + CodedMatrix.panelWidth - 1) / CodedMatrix.panelWidth
                withUnsafePointer(to: coded) {
                    winnow_decode_panels($0, matrix.depth, matrix.blockSize, numbers, count, first, first + panels)
                }
                try worker.product.take(numbers, scratch)
                try worker.product.run(data, bias: added.map { $0 + start }, to: results + start, scratch)
            }
        }
    }

    /// Nanoseconds on one core, as measured on one with AVX-512 at 3.1 GHz.
    package static func cost(_ matrix: CodedMatrix, rows: Int) -> Double {
        let numbers = Double(matrix.columns *| matrix.depth)
        return numbers * 0.2 + numbers * Double(rows) / 80 * (1 + 24 / Double(matrix.depth))
    }
}
