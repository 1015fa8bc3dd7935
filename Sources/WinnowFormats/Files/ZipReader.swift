import WinnowTensor

/// The entries of a zip archive; stored or deflated, zip64 where needed.
struct ZipReader {
    struct Entry {
        var name: String
        fileprivate var method: UInt16
        fileprivate var flags: UInt16
        fileprivate var checksum: UInt32
        fileprivate var compressedByteCount: Int
        fileprivate var byteCount: Int
        fileprivate var headerOffset: Int
    }

    private let bytes: UnsafeRawBufferPointer
    private let subject: String
    private(set) var entries: [Entry] = []

    /// Reads the directory; `bytes` must stay valid while the reader is used.
    init(_ bytes: UnsafeRawBufferPointer, subject: String) throws {
        self.bytes = bytes
        self.subject = subject
        let directory = try findDirectory()
        var reader = ByteReader(bytes, at: directory.offset, subject: subject)
        for _ in 0..<directory.count { entries.append(try entry(&reader)) }
    }

    private func damaged(_ problem: String) -> WinnowError {
        WinnowError(.file, subject, problem, remedy: "copy it again")
    }

    private func findDirectory() throws -> (offset: Int, count: Int) {
        let recordByteCount = 22
        guard bytes.count >= recordByteCount else { throw damaged("is not a zip archive") }
        // The end record is followed by a comment of at most 65,535 bytes.
        let first = max(0, bytes.count - recordByteCount - 65_535)
        for start in stride(from: bytes.count - recordByteCount, through: first, by: -1)
        where bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian == 0x0605_4B50 {
            var reader = ByteReader(bytes, at: start + 10, subject: subject)
            let count = Int(try reader.little(UInt16.self))
            _ = try reader.little(UInt32.self)
            let offset = Int(try reader.little(UInt32.self))
            guard count == 0xFFFF || offset == 0xFFFF_FFFF, start >= 20 else { return (offset, count) }
            return try findLargeDirectory(before: start) ?? (offset, count)
        }
        throw damaged("is not a zip archive, or is cut short")
    }

    private func findLargeDirectory(before end: Int) throws -> (offset: Int, count: Int)? {
        var locator = ByteReader(bytes, at: end - 20, subject: subject)
        guard try locator.little(UInt32.self) == 0x0706_4B50 else { return nil }
        _ = try locator.little(UInt32.self)
        var record = ByteReader(bytes, at: Int(clamping: try locator.little(UInt64.self)), subject: subject)
        guard try record.little(UInt32.self) == 0x0606_4B50 else { throw damaged("has a damaged zip directory") }
        _ = try record.slice(28)
        let count = Int(clamping: try record.little(UInt64.self))
        _ = try record.little(UInt64.self)
        return (Int(clamping: try record.little(UInt64.self)), count)
    }

    private func entry(_ reader: inout ByteReader) throws -> Entry {
        guard try reader.little(UInt32.self) == 0x0201_4B50 else { throw damaged("has a damaged zip directory") }
        _ = try reader.slice(4)
        let flags = try reader.little(UInt16.self)
        let method = try reader.little(UInt16.self)
        _ = try reader.slice(4)
        let checksum = try reader.little(UInt32.self)
        let sizes = [try reader.little(UInt32.self), try reader.little(UInt32.self)]
        let lengths = (try reader.little(UInt16.self), try reader.little(UInt16.self), try reader.little(UInt16.self))
        _ = try reader.slice(8)
        let offset = try reader.little(UInt32.self)
        let name = try reader.text(Int(lengths.0))
        var extra = try large(try reader.slice(Int(lengths.1)))
        _ = try reader.slice(Int(lengths.2))
        // Zip64 lists only the numbers that do not fit, in this order.
        func number(_ small: UInt32) throws -> Int {
            guard small == .max else { return Int(small) }
            guard extra.remaining >= 8 else { return Int(small) }
            return Int(clamping: try extra.little(UInt64.self))
        }
        let byteCount = try number(sizes[1])
        let compressed = try number(sizes[0])
        return Entry(
            name: name, method: method, flags: flags, checksum: checksum, compressedByteCount: compressed,
            byteCount: byteCount, headerOffset: try number(offset))
    }

    /// The zip64 part of an entry's extra fields; empty if there is none.
    private func large(_ extra: UnsafeRawBufferPointer) throws -> ByteReader {
        var reader = ByteReader(extra, subject: subject)
        while reader.remaining >= 4 {
            let kind = try reader.little(UInt16.self)
            let field = try reader.slice(Int(try reader.little(UInt16.self)))
            if kind == 1 { return ByteReader(field, subject: subject) }
        }
        return ByteReader(UnsafeRawBufferPointer(start: nil, count: 0), subject: subject)
    }

    /// Calls `body` with an entry's bytes, decompressed and checked.
    func withContents<Result>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let subject = "\(subject): \(entry.name)"
        guard entry.flags & 1 == 0 else { throw WinnowError(.unsupported, subject, "is encrypted") }
        var reader = ByteReader(bytes, at: entry.headerOffset, subject: subject)
        guard try reader.little(UInt32.self) == 0x0403_4B50 else { throw damaged("has a damaged zip directory") }
        _ = try reader.slice(22)
        let skipped = Int(try reader.little(UInt16.self)) + Int(try reader.little(UInt16.self))
        _ = try reader.slice(skipped)
        let compressed = try reader.slice(entry.compressedByteCount)
        switch entry.method {
        case 0:
            guard entry.byteCount == compressed.count else { throw damaged("has a damaged zip directory") }
            try check(compressed, entry, subject)
            return try body(compressed)
        case 8:
            let contents = try Zlib.inflate(compressed, .raw, limit: entry.byteCount, subject: subject)
            return try contents.withUnsafeBytes {
                try check($0, entry, subject)
                return try body($0)
            }
        default: throw WinnowError(.unsupported, subject, "is compressed with a method (\(entry.method)) other than deflate")
        }
    }

    private func check(_ contents: UnsafeRawBufferPointer, _ entry: Entry, _ subject: String) throws {
        guard contents.count == entry.byteCount, Zlib.crc32(contents) == entry.checksum else {
            throw WinnowError(.file, subject, "does not match its checksum", remedy: "copy it again")
        }
    }
}
