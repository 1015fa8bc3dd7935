package import WinnowTensor

/// A `BinaryFunction` bound to an element type and two broadcast shapes.
package struct BinaryKernel: Sendable {
    /// The shape of the result.
    package var shape: Shape { plan.shape }
    package let resultType: ElementType
    private let loop: BinaryLoop
    private let plan: BroadcastPlan
    private let byteCount: Int
    private let resultByteCount: Int

    /// Throws `unsupported` if the function has no meaning for `elementType`, `shape` if the shapes do not broadcast.
    package init(
        _ function: BinaryFunction, _ elementType: ElementType, _ a: Shape, _ b: Shape, layout: Layout = .rowMajor
    ) throws {
        guard let loop = Self.loop(function, elementType) else {
            throw WinnowError(.unsupported, "\(function)", "is not defined for \(elementType)")
        }
        self.loop = loop
        plan = try BroadcastPlan([a, b], layout: layout)
        resultType = function.resultType(of: elementType)
        byteCount = elementType.bitWidth / 8
        resultByteCount = resultType.bitWidth / 8
    }

    /// `target` may be the memory of an operand of the result's shape and element type.
    package func run(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        let (aVaries, bVaries) = (plan.varies[0], plan.varies[1])
        plan.forEachRow { offsets, count in
            loop(
                BinaryRow(
                    a: a + offsets[1] * byteCount, b: b + offsets[2] * byteCount, aVaries: aVaries, bVaries: bVaries,
                    target: target + offsets[0] * resultByteCount, count: count))
        }
    }

    /// How many elements there are, if each operand has as many or one.
    package var flatCount: Int? { plan.rows.count == 1 ? plan.rowLength : nil }

    /// The same for the elements in a range; `flatCount` is not nil.
    package func run(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ range: Range<Int>) {
        let (aVaries, bVaries) = (plan.varies[0], plan.varies[1])
        forChunks(range.count) { start, count in
            let place = range.lowerBound + start
            loop(
                BinaryRow(
                    a: aVaries ? a + place * byteCount : a, b: bVaries ? b + place * byteCount : b, aVaries: aVaries,
                    bVaries: bVaries, target: target + place * resultByteCount, count: count))
        }
    }

    static func loop(_ function: BinaryFunction, _ elementType: ElementType) -> BinaryLoop? {
        switch elementType {
        case .float32: floatLoop(function)
        case .float64: doubleLoop(function)
        case .float16, .bfloat16: halfLoop(function, elementType)
        case .int8: integerLoop(function, Int8.self)
        case .int16: integerLoop(function, Int16.self)
        case .int32: integerLoop(function, Int32.self)
        case .int64: integerLoop(function, Int64.self)
        case .uint8: integerLoop(function, UInt8.self)
        case .uint16: integerLoop(function, UInt16.self)
        case .uint32: integerLoop(function, UInt32.self)
        case .uint64: integerLoop(function, UInt64.self)
        case .bool: boolLoop(function)
        default: nil
        }
    }

    private static func boolLoop(_ function: BinaryFunction) -> BinaryLoop? {
        switch function {
        case .and, .bitwiseAnd: { zipElements(UInt8.self, UInt8.self, $0) { $0 != 0 && $1 != 0 ? 1 : 0 } }
        case .or, .bitwiseOr: { zipElements(UInt8.self, UInt8.self, $0) { $0 | $1 != 0 ? 1 : 0 } }
        case .xor, .bitwiseXor: { zipElements(UInt8.self, UInt8.self, $0) { ($0 != 0) != ($1 != 0) ? 1 : 0 } }
        case .equal: { zipElements(UInt8.self, UInt8.self, $0) { ($0 != 0) == ($1 != 0) ? 1 : 0 } }
        default: nil
        }
    }

    /// 16-bit floats go through float32 in blocks that fit the stack.
    private static func halfLoop(_ function: BinaryFunction, _ elementType: ElementType) -> BinaryLoop? {
        guard let loop = floatLoop(function), let widen = CastKernel.loop(elementType, .float32),
            let narrow = CastKernel.loop(.float32, elementType)
        else { return nil }
        let givesBool = function.resultType(of: elementType) == .bool
        return { row in
            let (aVaries, bVaries, count) = (row.aVaries, row.bVaries, row.count)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: stackBlock) { x in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: stackBlock) { y in
                    guard let x = x.baseAddress, let y = y.baseAddress else { return }
                    for start in stride(from: 0, to: count, by: stackBlock) {
                        let size = min(stackBlock, count - start)
                        widen(aVaries ? row.a + 2 * start : row.a, x, aVaries ? size : 1)
                        widen(bVaries ? row.b + 2 * start : row.b, y, bVaries ? size : 1)
                        var block = BinaryRow(
                            a: x, b: y, aVaries: aVaries, bVaries: bVaries, target: row.target + start, count: size)
                        if givesBool {
                            loop(block)
                        } else {
                            let result = aVaries ? x : y
                            block.target = UnsafeMutableRawPointer(result)
                            block.count = aVaries || bVaries ? size : 1
                            loop(block)
                            narrow(result, row.target + 2 * start, block.count)
                        }
                    }
                }
            }
        }
    }
}
