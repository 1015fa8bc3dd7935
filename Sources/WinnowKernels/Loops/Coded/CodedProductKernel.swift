internal import CWinnowKernels
internal import WinnowTensor

/// target = left · matrix + bias with a matrix of codes that is never decoded in memory. Not for two threads at a time.
///
/// Codes become floats in registers, for as many rows of data at a time as registers take (AVX-512) or four; or, where the processor
/// multiplies bytes (AVX-512 VNNI), rows become whole numbers of one or three digits for every block of the matrix, and products are
/// sums of integers.
package final class CodedProductKernel: @unchecked Sendable {
    /// How exactly data are multiplied.
    package enum Precision: Int, Hashable, Sendable {
        /// To 8 bits of the largest number of each block.
        case bytes = 1
        /// To 24 bits, as float32 is.
        case exact = 3
    }

    /// How products are made.
    package enum Way: CaseIterable, Sendable {
        /// In integers.
        case digits
        /// In floats, by tiles of rows.
        case tiles
        /// In floats, on any processor.
        case floats
    }

    /// The memory of the matrix, as `CodedMatrix` packs it.
    package struct Operand {
        package var codes: UnsafeRawPointer
        /// nil: 1.
        package var scales: UnsafeRawPointer?
        /// What zeros are above half the range of codes, `int8` or `float32`; nil: nothing. Tables have none.
        package var zeros: UnsafeRawPointer?
        /// As many numbers as there are codes; nil: codes count as numbers.
        package var table: UnsafeRawPointer?

        package init(
            codes: UnsafeRawPointer, scales: UnsafeRawPointer? = nil, zeros: UnsafeRawPointer? = nil, table: UnsafeRawPointer? = nil
        ) {
            (self.codes, self.scales, self.zeros, self.table) = (codes, scales, zeros, table)
        }
    }

    private let matrix: CodedMatrix
    private let rows: Int
    private let way: Way
    private let planes: Int
    /// Rows of a tile.
    private let tile: Int
    private let zerosAreFloats: Bool
    private let threads: Int
    private let places: (digits: Int, steps: Int, totals: Int, starts: Int, finite: Int, padded: Int)
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int
    package let name: String

    /// nil where the processor does not go that way, or not with such codes.
    ///
    /// - Parameter rows: those of the data.
    package init?(
        _ matrix: CodedMatrix, rows: Int, precision: Precision = .exact, hasTable: Bool = false, zerosAreFloats: Bool = false, way: Way
    ) {
        (self.matrix, self.rows, self.zerosAreFloats, self.way) = (matrix, rows, zerosAreFloats, way)
        planes = way == .digits ? precision.rawValue : 0
        tile = way == .tiles ? winnow_rows_of_tiles(rows, Int32(matrix.bits), hasTable ? 1 : 0) : 1
        let products = rows *| matrix.columns *| matrix.depth
        threads = ThreadCount.worth(planes == 1 ? .codeProducts(products) : .products(products))
        guard tile > 0, planes == 0 || !hasTable && winnow_has_digit_products() != 0 else { return nil }
        let parts = matrix.blockCount * matrix.chunkCount
        let floats = planes == 0 ? (rows + tile - 1) / tile * tile : 1
        var scratch = ScratchLayout()
        places = (
            scratch.reserve(rows * matrix.paddedDepth * planes), scratch.reserve(rows * parts, of: .float32),
            scratch.reserve(rows * parts, of: .float32), scratch.reserve(rows * parts * max(planes, 1), of: .int32),
            scratch.reserve(rows, of: .int32), scratch.reserve(floats * matrix.paddedDepth, of: .float32)
        )
        scratchByteCount = scratch.byteCount
        let codes = "\(matrix.bits)-bit \(hasTable ? "table" : "codes")"
        name =
            switch way {
            case .tiles: "\(codes) · \(tile) rows of float32"
            case .digits: "\(codes) · \(planes == 1 ? "8" : "24")-bit digits"
            case .floats: "\(codes) · float32"
            }
    }

    package func run(
        left: UnsafeRawPointer, _ operand: Operand, bias: UnsafeRawPointer?, target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) {
        guard let scratch else { return }
        let call = Call(
            coded: operand.coded(matrix, zerosAreFloats: zerosAreFloats), left: left.assumingMemoryBound(to: Float.self),
            bias: bias?.assumingMemoryBound(to: Float.self), target: target.assumingMemoryBound(to: Float.self), scratch: scratch)
        switch way {
        case .tiles: tiles(call)
        case .digits: digits(call)
        case .floats: floats(call)
        }
    }

    private struct Call {
        var coded: winnow_coded_matrix
        var left: UnsafePointer<Float>
        var bias: UnsafePointer<Float>?
        var target: UnsafeMutablePointer<Float>
        var scratch: UnsafeMutableRawPointer

        func at<Element>(_ place: Int, _ type: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
            (scratch + place).assumingMemoryBound(to: type)
        }
    }

    /// Calls `body` with ranges of panels, pairs of which stay together.
    private func forPanels(_ body: (Range<Int>) -> Void) {
        let (pairs, panels) = ((matrix.panelCount + 1) / 2, matrix.panelCount)
        let parts = min(threads, pairs)
        Parallel.forParts(parts) { part in body((pairs * part / parts * 2)..<min(pairs * (part + 1) / parts * 2, panels)) }
    }

    /// Calls `body` with the first row of every tile.
    private func forTiles(_ body: (Int) -> Void) {
        let tiles = (rows + tile - 1) / tile
        let parts = rows * matrix.depth < 1 << 16 ? 1 : min(threads, tiles)
        Parallel.forParts(parts) { part in for tile in (tiles * part / parts)..<(tiles * (part + 1) / parts) { body(tile * self.tile) } }
    }

    private func pad(_ call: Call, _ row: Int, to target: UnsafeMutablePointer<Float>) {
        winnow_pad_blocks(
            call.left + row * matrix.depth, target, matrix.depth, matrix.blockSize, matrix.chunkCount * matrix.chunk)
    }

    private func floats(_ call: Call) {
        let padded: UnsafeMutablePointer<Float> = call.at(places.padded)
        forTiles { pad(call, $0, to: padded + $0 * matrix.paddedDepth) }
        forPanels { panels in
            withUnsafePointer(to: call.coded) {
                winnow_multiply_coded($0, padded, rows, call.bias, call.target, panels.lowerBound, panels.upperBound)
            }
        }
    }

    private func tiles(_ call: Call) {
        let interleaved: UnsafeMutablePointer<Float> = call.at(places.padded)
        forTiles { row in
            winnow_interleave_rows(
                call.left + row * matrix.depth, interleaved + row * matrix.paddedDepth, min(tile, rows - row), tile, matrix.depth,
                matrix.blockSize, matrix.chunkCount * matrix.chunk)
        }
        forPanels { panels in
            withUnsafePointer(to: call.coded) {
                winnow_multiply_interleaved($0, interleaved, rows, tile, call.bias, call.target, panels.lowerBound, panels.upperBound)
            }
        }
    }

    private func digits(_ call: Call) {
        let parts = matrix.blockCount * matrix.chunkCount
        let (digits, steps): (UnsafeMutablePointer<Int8>, UnsafeMutablePointer<Float>) = (call.at(places.digits), call.at(places.steps))
        let (totals, starts): (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) = (call.at(places.totals), call.at(places.starts))
        let finite: UnsafeMutablePointer<Int32> = call.at(places.finite)
        forTiles { row in
            finite[row] = winnow_split_digits(
                call.left + row * matrix.depth, matrix.depth, matrix.blockSize, matrix.chunkCount, matrix.chunk, Int32(matrix.bits),
                Int32(planes), digits + row * matrix.paddedDepth * planes, steps + row * parts, totals + row * parts,
                starts + row * parts * planes)
        }
        let numbers = winnow_digits(digits: digits, steps: steps, totals: totals, starts: starts, planes: Int32(planes))
        forPanels { panels in
            withUnsafePointer(to: call.coded) { coded in
                withUnsafePointer(to: numbers) {
                    winnow_multiply_digits(coded, $0, rows, call.bias, call.target, panels.lowerBound, panels.upperBound)
                }
            }
        }
        // What has no digits: rows with infinities and what is no number.
        let padded: UnsafeMutablePointer<Float> = call.at(places.padded)
        for row in 0..<rows where finite[row] == 0 {
            pad(call, row, to: padded)
            withUnsafePointer(to: call.coded) {
                winnow_multiply_coded($0, padded, 1, call.bias, call.target + row * matrix.columns, 0, matrix.panelCount)
            }
        }
    }
}

extension CodedProductKernel {
    /// Nanoseconds on one core, as measured on one with AVX-512 VNNI at 3.1 GHz.
    package var cost: Double {
        // Rows that a tile lacks count too; few rows wait for the codes.
        let (perNanosecond, together): (Double, Int) =
            switch way {
            case .digits: (planes == 1 ? 170 : 90, rows)
            case .tiles: (tile == 1 ? 45 : 80, (rows + tile - 1) / tile * tile)
            case .floats: (31, (rows + 3) / 4 * 4)
            }
        let bytes = Double(matrix.codeByteCount + 4 * matrix.scaleCount)
        return max(Double(together *| matrix.columns *| matrix.depth) / perNanosecond, bytes / 25)
    }
}

extension CodedProductKernel.Operand {
    func coded(_ matrix: CodedMatrix, zerosAreFloats: Bool) -> winnow_coded_matrix {
        winnow_coded_matrix(
            codes: codes.assumingMemoryBound(to: UInt8.self), scales: scales?.assumingMemoryBound(to: Float.self),
            small_zeros: zerosAreFloats ? nil : zeros?.assumingMemoryBound(to: Int8.self),
            zeros: zerosAreFloats ? zeros?.assumingMemoryBound(to: Float.self) : nil,
            table: table?.assumingMemoryBound(to: Float.self), columns: matrix.columns, blocks: matrix.blockCount,
            chunks: matrix.chunkCount, chunk: matrix.chunk, bits: Int32(matrix.bits))
    }
}
