import CZlib
import WinnowTensor

/// DEFLATE streams: what gzip, zlib and zip wrap.
package enum Zlib {
    /// What surrounds the compressed bytes.
    package enum Wrapper: Int32, Sendable {
        /// Nothing, as inside zip.
        case raw = -15
        case zlib = 15
        case gzip = 31
    }

    /// What grows beyond this, and to more than a hundred times its size, is no data but a bomb.
    private static let suspiciousByteCount = 256 << 20
    private static let suspiciousRatio = 100

    /// Decompresses one stream (for gzip: all members); throws if the bytes are damaged, grow beyond `limit`, or without measure.
    package static func inflate(
        _ source: UnsafeRawBufferPointer, _ wrapper: Wrapper, limit: Int, subject: String
    ) throws -> [UInt8] {
        var result: [UInt8] = []
        try inflate(source, wrapper, limit: limit, subject: subject) { result += $0 }
        return result
    }

    /// The same a piece at a time, for what is larger than memory.
    static func inflate(
        _ source: UnsafeRawBufferPointer, _ wrapper: Wrapper, limit: Int, subject: String, _ take: ([UInt8]) throws -> Void
    ) throws {
        let stream = ZlibStream()
        guard inflateInit2_(stream.state, wrapper.rawValue, ZLIB_VERSION, ZlibStream.stateByteCount) == Z_OK else {
            throw WinnowError(.file, subject, "cannot be decompressed: zlib does not start")
        }
        defer { inflateEnd(stream.state) }
        var count = 0
        var input = source
        while true {
            let (status, output) = stream.step(&input) { state, _ in CZlib.inflate(state, Z_NO_FLUSH) }
            guard count + output.count <= limit else {
                throw WinnowError(.file, subject, "decompresses to more than \(limit) bytes")
            }
            guard count <= max(suspiciousByteCount, source.count * suspiciousRatio) else {
                throw WinnowError(
                    .file, subject, "decompresses to more than \(suspiciousRatio) times its \(source.count) bytes",
                    remedy: "store it uncompressed if it is meant to be so")
            }
            count += output.count
            try take(output)
            if status == Z_STREAM_END {
                // A gzip file may hold several members one after the other; what follows the last is padding.
                guard wrapper == .gzip, input.count >= 2, input[0] == 0x1F, input[1] == 0x8B else { return }
                inflateReset(stream.state)
                continue
            }
            guard status == Z_OK, !(input.isEmpty && output.isEmpty) else {
                let isShort = status == Z_OK || status == Z_BUF_ERROR
                throw WinnowError(
                    .file, subject, isShort ? "is cut short" : "holds damaged compressed data", remedy: "copy it again")
            }
        }
    }

    /// The bytes compressed at `level` (1 fast … 9 small).
    package static func deflate(
        _ source: UnsafeRawBufferPointer, _ wrapper: Wrapper, level: Int32 = 9
    ) throws -> [UInt8] {
        let stream = ZlibStream()
        guard
            deflateInit2_(
                stream.state, level, Z_DEFLATED, wrapper.rawValue, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                ZlibStream.stateByteCount) == Z_OK
        else { throw WinnowError(.file, "zlib", "does not start") }
        defer { deflateEnd(stream.state) }
        var result: [UInt8] = []
        var input = source
        while true {
            let (status, output) = stream.step(&input) { state, isLast in
                CZlib.deflate(state, isLast ? Z_FINISH : Z_NO_FLUSH)
            }
            result += output
            if status == Z_STREAM_END { return result }
            guard status == Z_OK || status == Z_BUF_ERROR else { throw WinnowError(.file, "zlib", "cannot compress") }
        }
    }

    /// The checksum that gzip and zip keep.
    package static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        checksum.add(bytes)
        return checksum.value
    }

    /// The same, of bytes that come in pieces.
    struct Checksum {
        private(set) var value: UInt32 = 0

        mutating func add(_ bytes: UnsafeRawBufferPointer) {
            guard let base = bytes.baseAddress else { return }
            value = UInt32(truncatingIfNeeded: crc32_z(UInt(value), base.assumingMemoryBound(to: UInt8.self), bytes.count))
        }
    }
}

/// zlib's state, which must not move while in use.
private final class ZlibStream {
    let state = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    static let stateByteCount = Int32(MemoryLayout<z_stream>.size)
    private static let pieceByteCount = 1 << 18
    /// zlib counts input in 32 bits.
    private static let inputByteLimit = 1 << 30

    init() { state.initialize(to: z_stream()) }
    deinit { state.deallocate() }

    /// Feeds what is left of `input`; gives zlib's status and the output that came.
    func step(
        _ input: inout UnsafeRawBufferPointer, _ body: (UnsafeMutablePointer<z_stream>, _ isLast: Bool) -> Int32
    ) -> (status: Int32, output: [UInt8]) {
        let fed = min(input.count, Self.inputByteLimit)
        state.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        state.pointee.avail_in = UInt32(fed)
        var status: Int32 = Z_OK
        let output = [UInt8](unsafeUninitializedCapacity: Self.pieceByteCount) { buffer, count in
            state.pointee.next_out = buffer.baseAddress
            state.pointee.avail_out = UInt32(buffer.count)
            status = body(state, fed == input.count)
            count = buffer.count - Int(state.pointee.avail_out)
        }
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(fed - Int(state.pointee.avail_in)))
        return (status, output)
    }
}
