/// What an operator takes one of its inputs for.
package enum OperandRole: Sendable, Hashable {
    /// Numbers it computes with: data, weights, or their codes.
    case numbers
    /// Numbers of fewer than 8 bits, several to a byte.
    case packed(PackedCodes)
    /// What codes are multiplied by.
    case scale
    /// The code that stands for zero among those of input `of`; one for each index of `axis` if it is not one for all.
    case zeroPoint(of: Int, axis: Int)
    /// What it is told rather than what it computes with: a shape, axes, limits, a ratio, a table.
    case setting
}

extension [Int: OperandRole] {
    /// Codes at each of the keys, followed by their scale and zero point, which vary along the axis; a result under the scale
    /// and zero point at `result`.
    package init(codes: [Int: Int], result: Int? = nil) {
        self = [:]
        for (index, axis) in codes {
            self[index + 1] = .scale
            self[index + 2] = .zeroPoint(of: index, axis: axis)
        }
        if let result {
            self[result] = .scale
            self[result + 1] = .setting
        }
    }
}

/// A constant matrix of `rows` × `depth` codes of 2, 4 or 8 bits: for each row, blocks along the depth, each in whole bytes.
package struct PackedCodes: Sendable, Hashable {
    package var rows: Int
    package var depth: Int
    package var bitWidth: Int
    package var blockSize: Int

    package init(rows: Int, depth: Int, bitWidth: Int, blockSize: Int) {
        (self.rows, self.depth, self.bitWidth, self.blockSize) = (rows, depth, bitWidth, blockSize)
    }

    package var elementCount: Int { rows * depth }

    /// The codes that are the middle of their range, which stands for zero where there are no zero points.
    package func middleCount(in bytes: [UInt8]) -> Int {
        let (mask, perByte, blocks) = ((1 << bitWidth) - 1, 8 / bitWidth, (depth + blockSize - 1) / blockSize)
        var count = 0
        for row in 0..<rows {
            for k in 0..<depth {
                let position = (row * blocks + k / blockSize) * blockSize + k % blockSize
                guard position / perByte < bytes.count else { return count }
                let code = Int(bytes[position / perByte]) >> (position % perByte * bitWidth) & mask
                if code == 1 << (bitWidth - 1) { count += 1 }
            }
        }
        return count
    }
}
