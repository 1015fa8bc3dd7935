package import WinnowTensor

/// A table of numbers: the first line names the columns; one of them, `label`, may hold classes.
package struct CSV: Sendable {
    /// The columns that are not the label.
    package var columns: [String]
    /// float32, rows × columns.
    package var values: Tensor
    /// The label of each row as it is written; nil where no column is called so.
    package var labels: [String]?
    /// What their column is called.
    package var labelName: String?

    private static let labelNames: Set<String> = ["label", "labels", "class", "target"]
    private static let byteLimit = 1 << 32

    /// Reads a file, gzipped or plain. Throws `.file` naming line and column of what is no number.
    package init(contentsOf path: String) throws {
        self = try MappedFile(path).withUnsafeBytes { bytes in
            guard bytes.starts(with: [0x1F, 0x8B]) else { return try CSV(bytes, subject: path) }
            let contents = try Zlib.inflate(bytes, .gzip, limit: Self.byteLimit, subject: path)
            return try contents.withUnsafeBytes { try CSV($0, subject: path) }
        }
    }

    init(_ bytes: UnsafeRawBufferPointer, subject: String) throws {
        var rows = CSVRows(bytes, subject: subject)
        let header = try rows.next()?.map(\.text) ?? []
        guard !header.isEmpty else { throw WinnowError(.file, subject, "is empty") }
        guard !header.allSatisfy({ Float($0) != nil }) else {
            throw WinnowError(
                .file, subject, "has no header", remedy: "name the columns in the first line, one of them label")
        }
        let label = header.firstIndex { Self.labelNames.contains($0.lowercased()) }
        columns = header.indices.filter { $0 != label }.map { header[$0] }
        var numbers: [Float] = []
        var texts: [String] = []
        var count = 0
        while let row = try rows.next() {
            let place = "\(subject): line \(rows.line)"
            guard row.count == header.count else {
                throw WinnowError(.file, place, "has \(row.count) fields, but the header \(header.count)")
            }
            for (index, field) in row.enumerated() {
                if index == label {
                    guard field.text.contains(where: { !$0.isWhitespace }) else {
                        throw WinnowError(.file, "\(place), column \(header[index])", "has no label", remedy: "take the line out")
                    }
                    texts.append(field.text)
                    continue
                }
                guard let number = field.number else { throw Self.noNumber(field.text, "\(place), column \(header[index])") }
                numbers.append(number)
            }
            count += 1
        }
        guard count > 0 else { throw WinnowError(.file, subject, "has a header but no rows") }
        values = Tensor(numbers, shape: [count, columns.count])
        labels = label == nil ? nil : texts
        labelName = label.map { header[$0] }
    }
}

extension CSV {
    private static func noNumber(_ text: String, _ place: String) -> WinnowError {
        let others = [";", "\t"].filter(text.contains)
        // What a terminal would not show is escaped.
        let words = text.prefix(40).unicodeScalars.map { $0.value < 32 && $0 != "\t" ? $0.escaped(asASCII: true) : String($0) }.joined()
        let isTooLarge = Double(decimal: text) != nil
        return WinnowError(
            .file, place, "'\(words)' is no number\(isTooLarge ? " that float32 holds" : "")",
            remedy: others.isEmpty ? "" : "fields are separated by commas, and decimals by a period")
    }
}

extension BinaryFloatingPoint where Self: LosslessStringConvertible {
    /// The number that a text says in decimal, or as `inf` or `nan`. nil for all else, such as hexadecimal numbers and numbers that are too large.
    package init?(decimal text: String) {
        let isDecimal = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): true
            default: false
            }
        }
        let isWord = !isDecimal && ["nan", "inf", "infinity"].contains(text.drop { "+-".contains($0) }.lowercased())
        guard isDecimal || isWord, let number = Self(text), isWord || number.isFinite else { return nil }
        self = number
    }
}

/// The lines of a table, field by field.
private struct CSVRows {
    struct Field {
        var bytes: UnsafeRawBufferPointer
        var isQuoted = false

        var text: String {
            let text = String(decoding: bytes, as: UTF8.self)
            return isQuoted ? text.replacing("\"\"", with: "\"") : text
        }

        /// The number; whole numbers of up to 7 digits, which pixels are, take the short way.
        var number: Float? {
            var whole = 0
            guard !bytes.isEmpty, bytes.count <= 7 else { return Float(decimal: text) }
            for byte in bytes {
                guard byte >= 0x30, byte <= 0x39 else { return Float(decimal: text) }
                whole = whole * 10 + Int(byte - 0x30)
            }
            return Float(whole)
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private let subject: String
    private var position = 0
    private(set) var line = 0

    init(_ bytes: UnsafeRawBufferPointer, subject: String) {
        self.bytes = bytes
        self.subject = subject
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next line that is not empty.
    mutating func next() throws -> [Field]? {
        while position < bytes.count {
            line += 1
            let fields = try nextLine()
            if fields.count > 1 || fields.first?.bytes.isEmpty == false { return fields }
        }
        return nil
    }

    private mutating func nextLine() throws -> [Field] {
        var fields: [Field] = []
        while true {
            fields.append(try nextField())
            guard position < bytes.count, bytes[position] == UInt8(ascii: ",") else { break }
            position += 1
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: "\r") { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { position += 1 }
        return fields
    }

    private mutating func nextField() throws -> Field {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") { return try nextQuotedField() }
        let start = position
        while position < bytes.count, !",\r\n".utf8.contains(bytes[position]) { position += 1 }
        var end = position
        while end > start, bytes[end - 1] == UInt8(ascii: " ") { end -= 1 }
        return Field(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }

    private mutating func nextQuotedField() throws -> Field {
        position += 1
        let start = position
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "\"") else { position += 1; continue }
            if position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\"") { position += 2; continue }
            defer { position += 1 }
            return Field(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), isQuoted: true)
        }
        throw WinnowError(.file, "\(subject): line \(line)", "has a quotation mark without its end")
    }
}
