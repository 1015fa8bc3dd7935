package import WinnowTensor

extension NPY {
    /// The texts of an array of them, one after the other, and its shape; nil where the file holds something else.
    package static func texts(_ path: String) throws -> (texts: [String], shape: Shape)? {
        try MappedFile(path).withUnsafeBytes { try texts($0, subject: path) }
    }

    static func texts(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> (texts: [String], shape: Shape)? {
        var reader = ByteReader(bytes, subject: subject)
        let (header, shape) = try anyLayout(&reader, subject: subject)
        guard let text = header.text else { return nil }
        guard reader.remaining / text.byteCount >= shape.elementCount else {
            throw WinnowError(.file, subject, "is too short for texts of shape \(shape)", remedy: "copy it again")
        }
        let texts = try (0..<shape.elementCount).map { _ in try text.decoded(reader.slice(text.byteCount), isBigEndian: header.isBigEndian) }
        return (texts, shape)
    }
}

extension NPZ {
    /// The texts of the array called `name`; nil where it holds something else, or there is none.
    package static func texts(_ name: String, in path: String) throws -> (texts: [String], shape: Shape)? {
        try MappedFile(path).withUnsafeBytes { bytes in
            let zip = try ZipReader(bytes, subject: path)
            guard let entry = zip.entries.first(where: { $0.name == "\(name).npy" }) else { return nil }
            return try zip.withContents(of: entry) { try NPY.texts($0, subject: "\(path): \(name)") }
        }
    }
}

/// How NumPy stores texts: each takes as much room as the longest, zeros behind.
struct NPYText {
    /// Code points of 32 bits, instead of bytes.
    private let isWide: Bool
    let byteCount: Int

    /// `U12`, `S5`; nil for other types, and for texts of which none has a letter.
    init?(code: Substring) {
        guard let kind = code.first, kind == "U" || kind == "S", let width = Int(code.dropFirst()), (1...(1 << 24)).contains(width) else { return nil }
        isWide = kind == "U"
        byteCount = isWide ? 4 * width : width
    }

    func decoded(_ bytes: UnsafeRawBufferPointer, isBigEndian: Bool) -> String {
        guard isWide else { return String(decoding: bytes[..<(bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0)], as: UTF8.self) }
        let points = stride(from: 0, to: bytes.count, by: 4).map { start in
            let point = bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)
            return isBigEndian ? UInt32(bigEndian: point) : UInt32(littleEndian: point)
        }
        let text = points[..<(points.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0)]
        return String(decoding: text, as: UTF32.self)
    }
}
