import WinnowTensor

/// Reads numbers and slices from bytes in order, never beyond their end.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private let subject: String
    var position = 0

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0, subject: String) {
        self.bytes = bytes
        self.position = position
        self.subject = subject
    }

    var remaining: Int { max(0, bytes.count - position) }

    /// The next `count` bytes.
    mutating func slice(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard position >= 0, count >= 0, count <= remaining else {
            throw WinnowError(.file, subject, "is cut short", remedy: "copy it again")
        }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }

    mutating func little<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
        Number(littleEndian: try slice(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    mutating func big<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
        Number(bigEndian: try slice(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    mutating func text(_ count: Int) throws -> String {
        guard let text = String(validating: try slice(count), as: UTF8.self) else {
            throw WinnowError(.file, subject, "holds a name that is not UTF-8")
        }
        return text
    }
}

extension [UInt8] {
    /// Appends the number, least significant byte first.
    mutating func append(little number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
