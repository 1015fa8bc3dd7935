/// Nested loops over the axes of several strided operands, planned once: neighbouring axes that every operand walks
/// through evenly are merged into one.
struct LoopNest: Sendable {
    /// Extents of the merged axes, outermost first; never empty.
    let extents: [Int]
    /// For each axis the operands' strides, `extents.count × operandCount`.
    private let strides: [Int]
    let operandCount: Int

    /// `strides[operand][axis]` in any unit; every operand has as many axes as `extents`.
    init(extents: [Int], strides: [[Int]]) {
        var merged: [Int] = []
        var steps: [[Int]] = []
        for (axis, extent) in extents.enumerated() where extent != 1 {
            let step = strides.map { $0[axis] }
            if let last = steps.last, zip(last, step).allSatisfy({ $0 == $1 * extent }) {
                merged[merged.count - 1] *= extent
                steps[steps.count - 1] = step
            } else {
                merged.append(extent)
                steps.append(step)
            }
        }
        if extents.contains(0) { (merged, steps) = ([0], [strides.map { _ in 0 }]) }
        if merged.isEmpty { (merged, steps) = ([1], [strides.map { _ in 1 }]) }
        self.extents = merged
        self.strides = steps.flatMap { $0 }
        operandCount = strides.count
    }

    private init(extents: [Int], flatStrides: [Int], operandCount: Int) {
        self.extents = extents
        strides = flatStrides
        self.operandCount = operandCount
    }

    var count: Int { extents.reduce(1, *) }

    func stride(axis: Int, operand: Int) -> Int { strides[axis * operandCount + operand] }

    /// The innermost axis: its extent and each operand's stride.
    var inner: (extent: Int, strides: [Int]) {
        (extents[extents.count - 1], Array(strides.suffix(operandCount)))
    }

    /// The nest without its innermost axis.
    var outer: LoopNest {
        extents.count == 1
            ? LoopNest(extents: [extents[0] == 0 ? 0 : 1], flatStrides: [Int](repeating: 0, count: operandCount), operandCount: operandCount)
            : LoopNest(
                extents: Array(extents.dropLast()), flatStrides: Array(strides.dropLast(operandCount)),
                operandCount: operandCount)
    }

    /// Calls `body` for iterations `range` of the flattened nest, in order, with the operands' offsets.
    @inline(__always)
    func forEach(_ range: Range<Int>, _ body: (UnsafePointer<Int>) -> Void) {
        guard !range.isEmpty else { return }
        let rank = extents.count
        withUnsafeTemporaryAllocation(of: Int.self, capacity: rank + operandCount) { work in
            guard let index = work.baseAddress else { return }
            let offsets = index + rank
            extents.withUnsafeBufferPointer { extents in
                strides.withUnsafeBufferPointer { strides in
                    for operand in 0..<operandCount { offsets[operand] = 0 }
                    var rest = range.lowerBound
                    for axis in Swift.stride(from: rank - 1, through: 0, by: -1) {
                        index[axis] = rest % extents[axis]
                        rest /= extents[axis]
                        for operand in 0..<operandCount {
                            offsets[operand] += index[axis] * strides[axis * operandCount + operand]
                        }
                    }
                    for iteration in range {
                        body(offsets)
                        if iteration == range.upperBound - 1 { break }
                        var axis = rank - 1
                        while axis >= 0 {
                            index[axis] += 1
                            let wraps = index[axis] == extents[axis]
                            let steps = wraps ? 1 - extents[axis] : 1
                            for operand in 0..<operandCount {
                                offsets[operand] += steps * strides[axis * operandCount + operand]
                            }
                            if !wraps { break }
                            index[axis] = 0
                            axis -= 1
                        }
                    }
                }
            }
        }
    }
}
