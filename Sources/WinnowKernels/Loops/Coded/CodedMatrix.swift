package import WinnowTensor

/// A constant matrix of `depth` rows by `columns` whose numbers are codes of 2, 4 or 8 bits, scale · (code − zero) or scale · table[code],
/// with scales and zeros that blocks of rows of a column share; in the order in which products read it (WinnowCodedProduct.h).
package struct CodedMatrix: Hashable, Sendable {
    package var columns: Int
    package var depth: Int
    /// 2, 4 or 8.
    package var bits: Int
    /// Rows of a column that share a scale; the last block may have fewer.
    package var blockSize: Int

    package init(columns: Int, depth: Int, bits: Int, blockSize: Int) {
        self.columns = columns
        self.depth = depth
        self.bits = bits
        self.blockSize = min(blockSize, depth)
    }

    /// Columns that lie together.
    static let panelWidth = 16

    package var blockCount: Int { (depth + blockSize - 1) / blockSize }
    package var panelCount: Int { (columns + Self.panelWidth - 1) / Self.panelWidth }
    /// Parts of a block whose data become digits together.
    var chunkCount: Int { (blockSize + 127) / 128 }
    /// Rows of such a part, with padding.
    var chunk: Int { ((blockSize + chunkCount - 1) / chunkCount + 15) / 16 * 16 }
    /// Rows with padding.
    var paddedDepth: Int { blockCount * chunkCount * chunk }
    package var codeByteCount: Int { panelCount * panelByteCount }
    /// How many scales or zeros there are, with padding.
    package var scaleCount: Int { panelCount * blockCount * Self.panelWidth }
    private var panelByteCount: Int { paddedDepth * Self.panelWidth * bits / 8 }

    /// Codes in that order, as bytes.
    ///
    /// - Parameters:
    ///   - codes: of `bits` bits each, the first in the lowest; row k of column n is code k · `rowStride` + n · `columnStride`.
    ///   - storedBits: as many or more, of which those above are 0.
    ///   - flipped: bits that are turned, so that signed codes count from 0.
    package func packed(
        _ codes: UnsafeRawPointer, storedBits: Int, rowStride: Int, columnStride: Int, flipped: UInt8 = 0
    ) -> Tensor {
        var result = Tensor(zeros: [codeByteCount], .uint8)
        result.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let (source, target) = (SharedMemory(codes), SharedMemory(base))
            Parallel.forEach(panelCount) { panel in
                pack(
                    panel, source.bytes, storedBits, rowStride, columnStride, flipped,
                    to: target.mutableBytes + panel * panelByteCount)
            }
        }
        return result
    }

    private func pack(
        _ panel: Int, _ source: UnsafePointer<UInt8>, _ storedBits: Int, _ rowStride: Int, _ columnStride: Int, _ flipped: UInt8,
        to target: UnsafeMutablePointer<UInt8>
    ) {
        let (first, mask, rowsPerUnit) = (panel * Self.panelWidth, UInt8((1 << storedBits) - 1), 32 / bits)
        let count = min(Self.panelWidth, columns - first)
        for block in 0..<blockCount {
            for row in (block * blockSize)..<min((block + 1) * blockSize, depth) {
                let place = block * chunkCount * chunk + row - block * blockSize
                let (unit, inside) = (place / rowsPerUnit, place % rowsPerUnit)
                let (to, shift) = (target + unit * 64 + inside & 3, UInt8(inside >> 2 * bits))
                var bit = (row * rowStride + first * columnStride) * storedBits
                for column in 0..<count {
                    let code = source[bit >> 3] >> UInt8(truncatingIfNeeded: bit & 7) & mask ^ flipped
                    to[column * 4] |= code << shift
                    bit += columnStride * storedBits
                }
            }
        }
    }

    /// Scales or zeros in that order, of which `value` gives that of a column's block; padding is 0.
    package func packed<Scalar: TensorScalar>(_ value: (_ column: Int, _ block: Int) -> Scalar) -> Tensor {
        var result = Tensor(zeros: [scaleCount], Scalar.elementType)
        result.withUnsafeMutableBytes { bytes in
            let values = bytes.bindMemory(to: Scalar.self)
            for column in 0..<columns {
                let (panel, lane) = column.quotientAndRemainder(dividingBy: Self.panelWidth)
                for block in 0..<blockCount {
                    values[(panel * blockCount + block) * Self.panelWidth + lane] = value(column, block)
                }
            }
        }
        return result
    }
}

/// Memory that parts of a loop share, each writing places of its own.
private struct SharedMemory: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer

    init(_ base: UnsafeMutableRawPointer) { self.base = base }
    init(_ base: UnsafeRawPointer) { self.base = UnsafeMutableRawPointer(mutating: base) }

    var bytes: UnsafePointer<UInt8> { UnsafePointer(mutableBytes) }
    var mutableBytes: UnsafeMutablePointer<UInt8> { base.assumingMemoryBound(to: UInt8.self) }
}
