package import WinnowTensor

/// Pads, or crops where a pad is negative, a dense tensor along its axes. What is cropped away is never copied.
package struct PadKernel: Sendable {
    package enum Mode: String, Hashable, Sendable { case constant, reflect, edge, wrap }

    /// The target's shape, axes that are not padded merged into those before them.
    private let extents: Shape
    /// For each axis and target index the source offset, or −1 for the constant; axes one after the other.
    private let tables: [Int]
    private let starts: [Int]
    /// Target indices of the innermost axis that copy consecutive source elements.
    private let run: Range<Int>
    private let rows: Int
    private let byteCount: Int

    /// `before` and `after` count elements added at each end of every axis.
    package init(_ shape: Shape, before: [Int], after: [Int], mode: Mode, _ elementType: ElementType) throws {
        let (shape, before, after) = mode == .constant ? Self.merged(shape, before, after) : (shape, before, after)
        guard elementType.bitWidth >= 8 else {
            throw WinnowError(.unsupported, "pad", "is not defined for packed \(elementType)")
        }
        let target = Shape(shape.indices.map { shape[$0] + before[$0] + after[$0] })
        guard target.allSatisfy({ $0 >= 0 }) else { throw WinnowError(.shape, "pad", "crops more of \(shape) than there is") }
        let isEmptied = shape.indices.contains { Self.kept(shape[$0], before[$0], after[$0]).isEmpty }
        if mode != .constant && isEmptied && target.elementCount > 0 {
            throw WinnowError(.shape, "pad", "has nothing in \(shape) to fill from", remedy: "use mode constant")
        }
        var tables: [Int] = []
        var starts: [Int] = []
        for axis in target.indices {
            starts.append(tables.count)
            tables += Self.sources(extent: shape[axis], before: before[axis], after: after[axis], mode: mode).map {
                $0 < 0 ? -1 : $0 * shape.strides[axis]
            }
        }
        self.tables = tables
        self.starts = starts
        extents = target
        byteCount = elementType.bitWidth / 8
        let inner = target.last ?? 1
        let first = max(0, min(inner, before.last ?? 0))
        run = first..<max(first, min(inner, (before.last ?? 0) + (shape.last ?? 1)))
        rows = inner == 0 ? 0 : target.elementCount / inner
    }

    /// The source indices along one axis; −1 for the constant.
    package static func sources(extent: Int, before: Int, after: Int, mode: Mode) -> [Int] {
        let kept = kept(extent, before, after)
        return (-before..<(extent + after)).map { index in
            if (0..<extent).contains(index) { return index }
            return mode == .constant || kept.isEmpty ? -1 : kept.lowerBound + source(index - kept.lowerBound, kept.count, mode)
        }
    }

    /// The source indices along one axis that negative pads leave.
    private static func kept(_ extent: Int, _ before: Int, _ after: Int) -> Range<Int> {
        let first = max(0, -before)
        return first..<max(first, extent + min(0, after))
    }

    private static func merged(_ shape: Shape, _ before: [Int], _ after: [Int]) -> (Shape, before: [Int], after: [Int]) {
        var result: (extents: [Int], before: [Int], after: [Int]) = ([], [], [])
        for axis in shape.indices {
            if let last = result.extents.indices.last, before[axis] == 0, after[axis] == 0 {
                result.extents[last] *= shape[axis]
                result.before[last] *= shape[axis]
                result.after[last] *= shape[axis]
            } else {
                result.extents.append(shape[axis])
                result.before.append(before[axis])
                result.after.append(after[axis])
            }
        }
        return (Shape(result.extents), result.before, result.after)
    }

    /// The index, of `extent` that there are, that stands outside them at `index`.
    private static func source(_ index: Int, _ extent: Int, _ mode: Mode) -> Int {
        switch mode {
        case .constant: return -1
        case .edge: return min(max(index, 0), extent - 1)
        case .wrap: return ((index % extent) + extent) % extent
        case .reflect:
            let period = max(1, 2 * (extent - 1))
            let folded = ((index % period) + period) % period
            return min(folded, extent == 1 ? 0 : period - folded)
        }
    }

    /// `constant` points to one element; nil means zero bytes.
    package func run(
        from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, constant: UnsafeRawPointer? = nil
    ) {
        switch byteCount {
        case 1: copy(UInt8.self, source, target, constant)
        case 2: copy(UInt16.self, source, target, constant)
        case 4: copy(UInt32.self, source, target, constant)
        default: copy(UInt64.self, source, target, constant)
        }
    }

    private func copy<Word: FixedWidthInteger & BitwiseCopyable>(
        _ word: Word.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ constant: UnsafeRawPointer?
    ) {
        let x = source.assumingMemoryBound(to: Word.self)
        let y = target.assumingMemoryBound(to: Word.self)
        let fill = constant?.loadUnaligned(as: Word.self) ?? 0
        guard let innerStart = starts.last else { y[0] = x[0]; return }
        let inner = extents[extents.rank - 1]
        tables.withUnsafeBufferPointer { tables in
            for row in 0..<rows {
                var rest = row
                var offset = 0
                for axis in stride(from: extents.rank - 2, through: 0, by: -1) {
                    let step = tables[starts[axis] + rest % extents[axis]]
                    rest /= extents[axis]
                    offset = step < 0 || offset < 0 ? -1 : offset + step
                }
                let to = y + row * inner
                if offset < 0 { to.update(repeating: fill, count: inner); continue }
                for i in 0..<run.lowerBound { to[i] = pick(x, offset, tables[innerStart + i], fill) }
                if !run.isEmpty {
                    (to + run.lowerBound).update(from: x + offset + tables[innerStart + run.lowerBound], count: run.count)
                }
                for i in run.upperBound..<inner { to[i] = pick(x, offset, tables[innerStart + i], fill) }
            }
        }
    }

    @inline(__always)
    private func pick<Word>(_ x: UnsafePointer<Word>, _ offset: Int, _ step: Int, _ fill: Word) -> Word {
        step < 0 ? fill : x[offset + step]
    }
}
