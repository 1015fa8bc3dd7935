package import WinnowTensor

/// A `UnaryFunction` bound to an element type.
package struct UnaryKernel: Sendable {
    private let loop: UnaryLoop
    private let sourceByteCount: Int
    private let targetByteCount: Int

    /// Throws `unsupported` if the function has no meaning for `elementType`.
    package init(_ function: UnaryFunction, _ elementType: ElementType) throws {
        guard let loop = Self.loop(function, elementType) else {
            throw WinnowError(.unsupported, "\(function)", "is not defined for \(elementType)")
        }
        self.loop = loop
        sourceByteCount = elementType.bitWidth / 8
        targetByteCount = function.resultType(of: elementType).bitWidth / 8
    }

    /// Applies the function to `count` elements; `source` and `target` may be the same memory.
    package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
        forChunks(count) { start, count in
            loop(source + start * sourceByteCount, target + start * targetByteCount, count)
        }
    }

    /// The same for the elements in a range.
    package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ range: Range<Int>) {
        run(from: source + range.lowerBound * sourceByteCount, to: target + range.lowerBound * targetByteCount, count: range.count)
    }

    static func loop(_ function: UnaryFunction, _ elementType: ElementType) -> UnaryLoop? {
        switch elementType {
        case .float32: floatLoop(function)
        case .float64: doubleLoop(function)
        case .float16, .bfloat16: halfLoop(function, elementType)
        case .int8: signedLoop(function, Int8.self)
        case .int16: signedLoop(function, Int16.self)
        case .int32: signedLoop(function, Int32.self)
        case .int64: signedLoop(function, Int64.self)
        case .uint8: integerLoop(function, UInt8.self)
        case .uint16: integerLoop(function, UInt16.self)
        case .uint32: integerLoop(function, UInt32.self)
        case .uint64: integerLoop(function, UInt64.self)
        case .bool: boolLoop(function)
        default: nil
        }
    }

    private static func boolLoop(_ function: UnaryFunction) -> UnaryLoop? {
        switch function {
        case .identity: { $1.copyMemory(from: $0, byteCount: $2) }
        case .not: { mapElements(UInt8.self, UInt8.self, $0, $1, $2) { $0 == 0 ? 1 : 0 } }
        default: nil
        }
    }

    /// 16-bit floats go through float32 in blocks that fit the stack.
    private static func halfLoop(_ function: UnaryFunction, _ elementType: ElementType) -> UnaryLoop? {
        guard let loop = floatLoop(function), let widen = CastKernel.loop(elementType, .float32),
            let narrow = CastKernel.loop(.float32, elementType)
        else { return nil }
        let givesBool = function.resultType(of: elementType) == .bool
        return { source, target, count in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: stackBlock) { block in
                guard let base = block.baseAddress else { return }
                for start in stride(from: 0, to: count, by: stackBlock) {
                    let size = min(stackBlock, count - start)
                    widen(source + 2 * start, base, size)
                    if givesBool {
                        loop(base, target + start, size)
                    } else {
                        loop(base, base, size)
                        narrow(base, target + 2 * start, size)
                    }
                }
            }
        }
    }
}
