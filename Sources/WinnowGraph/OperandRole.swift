package import WinnowTensor

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
    /// Numbers that training gathers from data and gives no gradient: a mean, a variance.
    case statistic
    /// What it is told rather than what it computes with: a shape, axes, limits, a ratio, a table.
    case setting

    /// Whether it tells what codes stand for.
    var tellsOfCodes: Bool {
        switch self {
        case .scale, .zeroPoint: true
        case .numbers, .packed, .statistic, .setting: false
        }
    }
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

/// Codes of 2, 4 or 8 bits, one after the other; those of fewer bits than their type several to an element.
package struct PackedCodes: Sendable, Hashable {
    /// A matrix of `rows` × `depth` codes: for each row, blocks along the depth, each in whole bytes.
    private struct Matrix: Sendable, Hashable {
        var rows: Int
        var depth: Int
        var blockSize: Int
    }

    package var bitWidth: Int
    private var matrix: Matrix?

    package init(bitWidth: Int) { self.bitWidth = bitWidth }

    package init(rows: Int, depth: Int, bitWidth: Int, blockSize: Int) {
        self.init(bitWidth: bitWidth)
        matrix = Matrix(rows: rows, depth: depth, blockSize: blockSize)
    }

    package func elementCount(in tensor: Tensor) -> Int {
        matrix.map { $0.rows *| $0.depth } ?? tensor.elementCount * (tensor.elementType.bitWidth / bitWidth)
    }

    /// The codes that are the middle of their range, which stands for zero where there are no zero points.
    package func middleCount(in bytes: [UInt8]) -> Int {
        let (mask, perByte) = ((1 << bitWidth) - 1, 8 / bitWidth)
        func isMiddle(_ position: Int) -> Bool { Int(bytes[position / perByte]) >> (position % perByte * bitWidth) & mask == 1 << (bitWidth - 1) }
        guard let matrix else { return (0..<(bytes.count * perByte)).reduce(0) { $0 + (isMiddle($1) ? 1 : 0) } }
        let blocks = (matrix.depth + matrix.blockSize - 1) / matrix.blockSize
        var count = 0
        for row in 0..<matrix.rows {
            for k in 0..<matrix.depth {
                let position = (row * blocks + k / matrix.blockSize) * matrix.blockSize + k % matrix.blockSize
                guard position / perByte < bytes.count else { return count }
                if isMiddle(position) { count += 1 }
            }
        }
        return count
    }
}
