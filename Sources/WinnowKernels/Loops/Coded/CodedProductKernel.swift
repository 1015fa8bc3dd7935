internal import CWinnowKernels
internal import WinnowTensor

/// target = left · matrix + bias with a matrix of codes that is never decoded in memory. Not for two threads at a time.
///
/// Where the processor multiplies bytes (AVX-512 VNNI), rows of data become whole numbers of one or three digits for every block of the
/// matrix, and products are sums of integers; else codes become floats in registers.
package final class CodedProductKernel: @unchecked Sendable {
    /// How exactly data are multiplied.
    package enum Precision: Int, Hashable, Sendable {
        /// To 8 bits of the largest number of each block.
        case bytes = 1
        /// To 24 bits, as float32 is.
        case exact = 3
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
    private let planes: Int
    private let zerosAreFloats: Bool
    private let threads: Int
    private let places: (digits: Int, steps: Int, totals: Int, starts: Int, finite: Int, padded: Int)
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int
    package let name: String

    /// `rows` are those of the data; `usesDigits` false: floats, whatever the processor has.
    package init(
        _ matrix: CodedMatrix, rows: Int, precision: Precision = .exact, hasTable: Bool = false, zerosAreFloats: Bool = false,
        usesDigits: Bool = true
    ) {
        self.matrix = matrix
        self.rows = rows
        self.zerosAreFloats = zerosAreFloats
        planes = hasTable || !usesDigits || winnow_has_digit_products() == 0 ? 0 : precision.rawValue
        let products = rows *| matrix.columns *| matrix.depth
        threads = ThreadCount.worth(planes == 1 ? .codeProducts(products) : .products(products))
        let parts = matrix.blockCount * matrix.chunkCount
        var scratch = ScratchLayout()
        places = (
            scratch.reserve(rows * matrix.paddedDepth * planes), scratch.reserve(rows * parts, of: .float32),
            scratch.reserve(rows * parts, of: .float32), scratch.reserve(rows * parts * max(planes, 1), of: .int32),
            scratch.reserve(rows, of: .int32), scratch.reserve((planes == 0 ? rows : 1) * matrix.paddedDepth, of: .float32)
        )
        scratchByteCount = scratch.byteCount
        let codes = "\(matrix.bits)-bit \(hasTable ? "table" : "codes")"
        name = planes == 0 ? "\(codes) · float32" : "\(codes) · \(planes == 1 ? "8" : "24")-bit digits"
    }

    package func run(
        left: UnsafeRawPointer, _ operand: Operand, bias: UnsafeRawPointer?, target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) {
        guard let scratch else { return }
        let call = Call(
            coded: operand.coded(matrix, zerosAreFloats: zerosAreFloats), left: left.assumingMemoryBound(to: Float.self),
            bias: bias?.assumingMemoryBound(to: Float.self), target: target.assumingMemoryBound(to: Float.self), scratch: scratch)
        if planes == 0 { floats(call) } else { digits(call) }
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

    private func forRows(_ body: (Int) -> Void) {
        let parts = rows * matrix.depth < 1 << 16 ? 1 : min(threads, rows)
        Parallel.forParts(parts) { part in for row in (rows * part / parts)..<(rows * (part + 1) / parts) { body(row) } }
    }

    private func pad(_ call: Call, _ row: Int, to target: UnsafeMutablePointer<Float>) {
        winnow_pad_blocks(
            call.left + row * matrix.depth, target, matrix.depth, matrix.blockSize, matrix.chunkCount * matrix.chunk)
    }

    private func floats(_ call: Call) {
        let padded: UnsafeMutablePointer<Float> = call.at(places.padded)
        forRows { pad(call, $0, to: padded + $0 * matrix.paddedDepth) }
        forPanels { panels in
            withUnsafePointer(to: call.coded) {
                winnow_multiply_coded($0, padded, rows, call.bias, call.target, panels.lowerBound, panels.upperBound)
            }
        }
    }

    private func digits(_ call: Call) {
        let parts = matrix.blockCount * matrix.chunkCount
        let (digits, steps): (UnsafeMutablePointer<Int8>, UnsafeMutablePointer<Float>) = (call.at(places.digits), call.at(places.steps))
        let (totals, starts): (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>) = (call.at(places.totals), call.at(places.starts))
        let finite: UnsafeMutablePointer<Int32> = call.at(places.finite)
        forRows { row in
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
        // Floats go by four rows; few rows wait for the codes.
        let perNanosecond: Double = planes == 0 ? 31 : planes == 1 ? 170 : 66
        let together = planes == 0 ? (rows + 3) / 4 * 4 : rows
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
