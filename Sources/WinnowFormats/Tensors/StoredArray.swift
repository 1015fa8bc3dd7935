package import WinnowTensor

/// An array in a file, whose rows are read when they are asked for.
package struct StoredArray: Sendable {
    package let shape: Shape
    package let elementType: ElementType
    private let file: ReadableFile
    private let offset: Int
    private let isBigEndian: Bool

    /// - Parameter offset: where in the file the elements begin, row-major.
    init(_ file: ReadableFile, at offset: Int, shape: Shape, _ elementType: ElementType, isBigEndian: Bool = false) {
        (self.file, self.offset, self.shape, self.elementType, self.isBigEndian) = (file, offset, shape, elementType, isBigEndian)
    }

    /// Rows of the first axis, (count, …). Throws `.file` where they cannot be read.
    package func rows(_ range: Range<Int>) throws -> Tensor {
        let rowShape = Shape(Array(shape.dropFirst()))
        return try read([range.count] + rowShape, at: range.lowerBound * elementType.byteCount(of: rowShape.elementCount))
    }

    /// All of it.
    package func whole() throws -> Tensor { try read(shape, at: 0) }

    private func read(_ shape: Shape, at start: Int) throws -> Tensor {
        var result = Tensor(uninitialized: shape, elementType)
        try result.withUnsafeMutableBytes { bytes in
            try file.read(at: offset + start, into: bytes)
            // As everywhere, true is 1.
            if elementType == .bool { for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 } }
        }
        if isBigEndian { result.swapBytes() }
        return result
    }

    /// The arrays of an npz, npy or safetensors file by name; that of an npy file has no name. nil for what can only be
    /// read as a whole: column-major arrays, numbers below a byte.
    ///
    /// - Parameter omitted: an array of an npz file that is left out.
    package static func arrays(of path: String, without omitted: String? = nil) throws -> [String: StoredArray]? {
        let name = path.lowercased()
        if name.hasSuffix(".npz") { return try NPZ.stored(path, without: omitted) }
        if name.hasSuffix(".safetensors") { return try SafeTensors.stored(path) }
        return try MappedFile(path).withUnsafeBytes { bytes in
            try NPY.stored(bytes, of: bytes.count, in: ReadableFile(path), at: 0, subject: path).map { ["": $0] }
        }
    }

    /// The bytes that all arrays of a file take in memory.
    package static func byteCount(of path: String) throws -> Int {
        let file = try MappedFile(path)
        guard path.lowercased().hasSuffix(".npz") else { return file.byteCount }
        return try file.withUnsafeBytes { try ZipReader($0, subject: path).entries.reduce(0) { $0 + $1.byteCount } }
    }
}

extension NPZ {
    /// The arrays where they lie; compressed ones are written out to temporary files. nil for column-major ones.
    static func stored(_ path: String, without omitted: String?) throws -> [String: StoredArray]? {
        let file = try ReadableFile(path)
        return try MappedFile(path).withUnsafeBytes { bytes in
            let zip = try ZipReader(bytes, subject: path)
            var arrays: [String: StoredArray] = [:]
            for entry in zip.entries where entry.name.hasSuffix(".npy") && entry.name != omitted.map({ "\($0).npy" }) {
                let name = String(entry.name.dropLast(4))
                let array = try zip.withPlace(of: entry, in: file) { bytes, file, offset in
                    try NPY.stored(bytes, of: entry.byteCount, in: file, at: offset, subject: "\(path): \(name)")
                }
                guard let array else { return nil }
                arrays[name] = array
            }
            return arrays
        }
    }
}

extension NPY {
    /// The array of `total` bytes, the first ones of which are given, `offset` bytes into `file`; nil for a column-major one.
    static func stored(
        _ bytes: UnsafeRawBufferPointer, of total: Int, in file: ReadableFile, at offset: Int, subject: String
    ) throws -> StoredArray? {
        var reader = ByteReader(bytes, subject: subject)
        let (header, shape) = try layout(&reader, subject: subject)
        try header.check(shape, byteCount: total - reader.position, subject: subject)
        guard !header.isColumnMajor || shape.rank < 2 else { return nil }
        return StoredArray(file, at: offset + reader.position, shape: shape, header.elementType, isBigEndian: header.isBigEndian)
    }
}

extension ZipReader {
    /// Calls `body` with bytes of an entry from its first on, checked, the file in which they lie, and where: the archive, or a temporary file of
    /// what was compressed.
    func withPlace<Result>(
        of entry: Entry, in file: ReadableFile, _ body: (UnsafeRawBufferPointer, ReadableFile, Int) throws -> Result
    ) throws -> Result {
        let (compressed, offset) = try place(of: entry)
        let subject = subject(of: entry)
        guard entry.isCompressed else {
            var checksum = Zlib.Checksum()
            try file.forEachPiece(of: offset..<(offset + compressed.count)) { checksum.add($0) }
            try check(checksum.value, compressed.count, entry)
            return try body(compressed, file, offset)
        }
        var checksum = Zlib.Checksum()
        var count = 0
        let unpacked = try ReadableFile(temporaryFor: subject) { write in
            try Zlib.inflate(compressed, .raw, limit: entry.byteCount, subject: subject) { piece in
                try piece.withUnsafeBytes {
                    checksum.add($0)
                    count += $0.count
                    try write($0)
                }
            }
        }
        try check(checksum.value, count, entry)
        // Headers are far shorter.
        var head = [UInt8](repeating: 0, count: min(count, 1 << 20))
        try head.withUnsafeMutableBytes { try unpacked.read(at: 0, into: $0) }
        return try head.withUnsafeBytes { try body($0, unpacked, 0) }
    }
}
