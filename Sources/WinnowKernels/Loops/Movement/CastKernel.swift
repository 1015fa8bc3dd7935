package import WinnowTensor

/// Conversion between element types by ONNX's Cast: floats to integers cut the fraction off, floats to narrower floats round to
/// nearest even, integers and floats too large for an integer type wrap (of 4 bits and less floats saturate), to bool is "not zero".
package struct CastKernel: Sendable {
    private let loop: UnaryLoop
    private let sourceBits: Int
    private let targetBits: Int

    /// - Parameter rounding: to floats of 8 bits and less.
    package init(from source: ElementType, to target: ElementType, rounding: MiniFloat.Rounding = MiniFloat.Rounding()) throws {
        try self.init(Self.loop(source, target, rounding), source, target)
    }

    /// From float32 to integers of which those that do not fit are the nearest that do; NaN becomes 0.
    package init(saturatingTo target: ElementType) throws { try self.init(Self.saturating(target), .float32, target) }

    private init(_ loop: UnaryLoop?, _ source: ElementType, _ target: ElementType) throws {
        guard let loop else { throw WinnowError(.unsupported, "cast", "from \(source) to \(target) is not defined") }
        self.loop = loop
        sourceBits = source.bitWidth
        targetBits = target.bitWidth
    }

    /// Converts `count` elements from the start of `source`; the buffers must not overlap.
    package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
        if sourceBits < 8 || targetBits < 8 { return loop(source, target, count) }
        forChunks(count) { start, count in
            loop(source + start * sourceBits / 8, target + start * targetBits / 8, count)
        }
    }

    static func loop(
        _ source: ElementType, _ target: ElementType, _ rounding: MiniFloat.Rounding = MiniFloat.Rounding()
    ) -> UnaryLoop? {
        if source == target { return { $1.copyMemory(from: $0, byteCount: source.byteCount(of: $2)) } }
        switch source {
        case .float32: return fromFloat(target, rounding)
        case .float64: return fromDouble(target, rounding)
        case .int8: return fromInteger(Int8.self, target, rounding)
        case .uint8: return fromInteger(UInt8.self, target, rounding)
        case .int16: return fromInteger(Int16.self, target, rounding)
        case .uint16: return fromInteger(UInt16.self, target, rounding)
        case .int32: return fromInteger(Int32.self, target, rounding)
        case .uint32: return fromInteger(UInt32.self, target, rounding)
        case .int64: return fromInteger(Int64.self, target, rounding)
        case .uint64: return fromInteger(UInt64.self, target, rounding)
        case .bool: return chain(source, .uint8, target, rounding) { mapElements(UInt8.self, UInt8.self, $0, $1, $2) { $0 == 0 ? 0 : 1 } }
        case .float16: return chain(source, .float32, target, rounding) { mapElements(UInt16.self, Float.self, $0, $1, $2, HalfFloat.decode) }
        case .bfloat16:
            return chain(source, .float32, target, rounding) {
                mapElements(UInt16.self, Float.self, $0, $1, $2) { Float(bitPattern: UInt32($0) &<< 16) }
            }
        case .uint4, .uint2:
            return chain(source, .uint8, target, rounding) { PackedLoops.unpack($0, $1, $2, bits: source.bitWidth) }
        case .int4, .int2:
            return chain(source, .int8, target, rounding) { PackedLoops.unpackSigned($0, $1, $2, bits: source.bitWidth) }
        case .float8E4M3FN, .float8E5M2, .float8E8M0, .float4E2M1:
            return source.miniFloat.flatMap { chain(source, .float32, target, rounding, decode($0, packed: source.bitWidth == 4)) }
        }
    }

    /// `first`, from `source` to a wider type `middle`, and then the cast from `middle` to `target`.
    private static func chain(
        _ source: ElementType, _ middle: ElementType, _ target: ElementType, _ rounding: MiniFloat.Rounding,
        _ first: @escaping UnaryLoop
    ) -> UnaryLoop? {
        if middle == target { return first }
        return loop(middle, target, rounding).map { blockwise(source, first, $0, target) }
    }

    /// Runs `first` and `second` one after the other on blocks that fit the stack.
    private static func blockwise(
        _ source: ElementType, _ first: @escaping UnaryLoop, _ second: @escaping UnaryLoop, _ target: ElementType
    ) -> UnaryLoop {
        { from, to, count in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: stackBlock) { block in
                guard let base = block.baseAddress else { return }
                for start in stride(from: 0, to: count, by: stackBlock) {
                    let size = min(stackBlock, count - start)
                    first(from + start * source.bitWidth / 8, base, size)
                    second(base, to + start * target.bitWidth / 8, size)
                }
            }
        }
    }

    private static func decode(_ format: MiniFloat, packed: Bool) -> UnaryLoop {
        { source, target, count in
            let codes = source.assumingMemoryBound(to: UInt8.self)
            let values = target.assumingMemoryBound(to: Float.self)
            format.values.withUnsafeBufferPointer { table in
                if packed {
                    for i in 0..<count { values[i] = table[Int((codes[i / 2] >> (i & 1 == 0 ? 0 : 4)) & 15)] }
                } else {
                    for i in 0..<count { values[i] = table[Int(codes[i])] }
                }
            }
        }
    }
}
