import WinnowTensor

/// The entries of a zip archive; stored or deflated, zip64 where needed.
struct ZipReader {
    struct Entry {
        var name: String
        fileprivate var method: UInt16
        fileprivate var flags: UInt16
        fileprivate var checksum: UInt32
        fileprivate var compressedByteCount: Int
        /// Its bytes once it is unpacked, as the directory says.
        fileprivate(set) var byteCount: Int
        fileprivate var headerOffset: Int
        var isCompressed: Bool { method == 8 }
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

    func subject(of entry: Entry) -> String { "\(subject): \(entry.name)" }

    /// An entry's bytes as they are stored, and where in the archive; stored or deflated.
    func place(of entry: Entry) throws -> (bytes: UnsafeRawBufferPointer, offset: Int) {
        let subject = subject(of: entry)
        guard entry.flags & 1 == 0 else { throw WinnowError(.unsupported, subject, "is encrypted") }
        var reader = ByteReader(bytes, at: entry.headerOffset, subject: subject)
        guard try reader.little(UInt32.self) == 0x0403_4B50 else { throw damaged("has a damaged zip directory") }
        _ = try reader.slice(22)
        let skipped = Int(try reader.little(UInt16.self)) + Int(try reader.little(UInt16.self))
        _ = try reader.slice(skipped)
        let offset = reader.position
        let compressed = try reader.slice(entry.compressedByteCount)
        guard entry.method == 0 || entry.isCompressed else {
            throw WinnowError(.unsupported, subject, "is compressed with a method (\(entry.method)) other than deflate")
        }
        guard entry.isCompressed || entry.byteCount == compressed.count else { throw damaged("has a damaged zip directory") }
        return (compressed, offset)
    }

    /// Calls `body` with an entry's bytes, decompressed and checked.
    func withContents<Result>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let stored = try place(of: entry).bytes
        guard entry.isCompressed else {
            try check(Zlib.crc32(stored), stored.count, entry)
            return try body(stored)
        }
        let contents = try Zlib.inflate(stored, .raw, limit: entry.byteCount, subject: subject(of: entry))
        return try contents.withUnsafeBytes {
            try check(Zlib.crc32($0), $0.count, entry)
            return try body($0)
        }
    }

    /// Throws where unpacked bytes are not those the directory tells of.
    func check(_ checksum: UInt32, _ count: Int, _ entry: Entry) throws {
        guard count == entry.byteCount, checksum == entry.checksum else {
            throw WinnowError(.file, subject(of: entry), "does not match its checksum", remedy: "copy it again")
        }
    }
}
