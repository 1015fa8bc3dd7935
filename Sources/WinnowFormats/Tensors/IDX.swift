package import WinnowTensor

/// The format of MNIST's files: one big-endian array, often gzipped.
package enum IDX {
    private static let elementTypes: [UInt8: ElementType] = [
        0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
    ]
    /// More than any data set of this format has.
    private static let byteLimit = 1 << 33

    /// Reads a file, gzipped or plain, whatever its name says.
    package static func read(_ path: String) throws -> Tensor {
        try MappedFile(path).withUnsafeBytes { bytes in
            guard bytes.count >= 2, bytes[0] == 0x1F, bytes[1] == 0x8B else { return try tensor(bytes, subject: path) }
            let contents = try Zlib.inflate(bytes, .gzip, limit: byteLimit, subject: path)
            return try contents.withUnsafeBytes { try tensor($0, subject: path) }
        }
    }

    static func tensor(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> Tensor {
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, let type = elementTypes[bytes[2]] else {
            throw WinnowError(.file, subject, "is not an IDX file")
        }
        var reader = ByteReader(bytes, at: 4, subject: subject)
        var extents: [Int] = []
        for _ in 0..<bytes[3] { extents.append(Int(try reader.big(UInt32.self))) }
        let shape = try Shape(checking: extents, of: subject)
        let count = type.byteCount(of: shape.elementCount)
        guard reader.remaining == count else {
            throw WinnowError(
                .file, subject, "\(type)[\(shape)] takes \(count) bytes, but the file has \(reader.remaining)",
                remedy: "copy it again")
        }
        var tensor = Tensor(copying: try reader.slice(count), shape: shape, type)
        tensor.swapBytes()
        return tensor
    }
}
