import WinnowTensor

/// Writes a zip archive entry by entry; equal entries give equal bytes, because every date is the format's first day.
struct ZipWriter {
    enum Method: UInt16 {
        case stored = 0
        case deflated = 8
    }

    private var directory: [UInt8] = []
    private var count = 0
    private var position = 0
    private let emit: (UnsafeRawBufferPointer) throws -> Void

    init(emit: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.emit = emit }

    /// 1980-01-01, 00:00.
    private static let date: UInt32 = 0x0021_0000
    private static let limit = Int(UInt32.max)

    private mutating func send(_ bytes: UnsafeRawBufferPointer) throws {
        try emit(bytes)
        position += bytes.count
    }

    private mutating func send(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try send($0) } }

    mutating func add(_ name: String, _ contents: UnsafeRawBufferPointer, _ method: Method) throws {
        let packed = method == .deflated ? try Zlib.deflate(contents, .raw) : nil
        let sizes = (packed: packed?.count ?? contents.count, whole: contents.count)
        let offset = position
        let isLarge = max(sizes.packed, sizes.whole) >= Self.limit
        let nameBytes = Array(name.utf8)
        guard nameBytes.count <= 0xFFFF else { throw WinnowError(.file, "entry \(name.prefix(40))…", "has too long a name") }

        var shared: [UInt8] = []
        shared.append(little: UInt16(0x0800))
        shared.append(little: method.rawValue)
        shared.append(little: Self.date)
        shared.append(little: Zlib.crc32(contents))
        var header: [UInt8] = []
        header.append(little: UInt32(0x0403_4B50))
        header.append(little: UInt16(isLarge ? 45 : 20))
        header += shared
        header.append(little: isLarge ? UInt32.max : UInt32(sizes.packed))
        header.append(little: isLarge ? UInt32.max : UInt32(sizes.whole))
        header.append(little: UInt16(nameBytes.count))
        let extra = isLarge ? Self.extra([sizes.whole, sizes.packed]) : []
        header.append(little: UInt16(extra.count))
        try send(header + nameBytes + extra)
        if let packed { try send(packed) } else { try send(contents) }
        list(nameBytes, shared, sizes, offset, isLarge)
    }

    /// Adds the entry to the directory at the end.
    private mutating func list(
        _ name: [UInt8], _ shared: [UInt8], _ sizes: (packed: Int, whole: Int), _ offset: Int, _ isLarge: Bool
    ) {
        let isFar = offset >= Self.limit
        let extra = Self.extra((isLarge ? [sizes.whole, sizes.packed] : []) + (isFar ? [offset] : []))
        directory.append(little: UInt32(0x0201_4B50))
        directory.append(little: UInt16(isLarge || isFar ? 45 : 20))
        directory.append(little: UInt16(isLarge || isFar ? 45 : 20))
        directory += shared
        directory.append(little: isLarge ? UInt32.max : UInt32(sizes.packed))
        directory.append(little: isLarge ? UInt32.max : UInt32(sizes.whole))
        directory.append(little: UInt16(name.count))
        directory.append(little: UInt16(extra.count))
        directory += [UInt8](repeating: 0, count: 10)
        directory.append(little: isFar ? UInt32.max : UInt32(offset))
        directory += name + extra
        count += 1
    }

    private static func extra(_ numbers: [Int]) -> [UInt8] {
        guard !numbers.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.append(little: UInt16(1))
        bytes.append(little: UInt16(8 * numbers.count))
        for number in numbers { bytes.append(little: UInt64(number)) }
        return bytes
    }

    /// Writes the directory; the archive is complete then.
    mutating func finish() throws {
        let offset = position
        let byteCount = directory.count
        try send(directory)
        var end: [UInt8] = []
        if count >= 0xFFFF || offset >= Self.limit || byteCount >= Self.limit {
            let record = position
            end.append(little: UInt32(0x0606_4B50))
            end.append(little: UInt64(44))
            end.append(little: UInt16(45))
            end.append(little: UInt16(45))
            end.append(little: UInt64(0))
            for number in [count, count, byteCount, offset] { end.append(little: UInt64(number)) }
            end.append(little: UInt32(0x0706_4B50))
            end.append(little: UInt32(0))
            end.append(little: UInt64(record))
            end.append(little: UInt32(1))
        }
        end.append(little: UInt32(0x0605_4B50))
        end.append(little: UInt32(0))
        end.append(little: UInt16(min(count, 0xFFFF)))
        end.append(little: UInt16(min(count, 0xFFFF)))
        end.append(little: UInt32(clamping: byteCount))
        end.append(little: UInt32(clamping: offset))
        end.append(little: UInt16(0))
        try send(end)
    }
}
