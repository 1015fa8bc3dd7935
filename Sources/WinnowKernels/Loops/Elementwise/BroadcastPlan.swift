package import WinnowTensor

/// Where the elements of dense operands meet under NumPy's broadcasting, planned once.
package struct BroadcastPlan: Sendable {
    /// The logical shape of the result, dense in the plan's layout.
    package let shape: Shape
    let rows: LoopNest
    /// Elements of the innermost merged axis, and for each operand whether it advances along it.
    let rowLength: Int
    let varies: [Bool]
    package let operandCount: Int

    /// Operands are dense in `layout`; one of lower rank than the result is row-major, as ONNX pads it with ones in front.
    ///
    /// Throws `shape` if the shapes do not broadcast.
    package init(_ shapes: [Shape], layout: Layout = .rowMajor) throws {
        var result = Shape()
        for shape in shapes {
            guard let next = result.broadcast(with: shape) else {
                throw WinnowError(.shape, "shapes", "\(shapes.map(\.description).joined(separator: " and ")) do not broadcast")
            }
            result = next
        }
        let order = layout.permutation(rank: result.rank)
        let operands = shapes.map { shape in
            let padded = Shape([Int](repeating: 1, count: result.rank - shape.rank) + shape)
            let strides = shape.rank == result.rank ? layout.strides(of: padded) : padded.strides
            return order.map { padded[$0] == 1 ? 0 : strides[$0] }
        }
        let nest = LoopNest(
            extents: order.map { result[$0] }, strides: [result.permuted(order).strides] + operands)
        shape = result
        operandCount = shapes.count
        // Rows are walked by one element or not at all; where an operand has another step, each element is a row.
        let hasRows = nest.inner.extent == 1 || nest.inner.strides.allSatisfy { $0 == 0 || $0 == 1 }
        rowLength = hasRows ? nest.inner.extent : 1
        varies = nest.inner.strides.dropFirst().map { $0 != 0 }
        rows = hasRows ? nest.outer : nest
    }

    /// Calls `body` for every row: the target's offset, then each operand's, in elements, and the row's element count.
    @inline(__always)
    func forEachRow(_ body: (UnsafePointer<Int>, Int) -> Void) {
        if rows.count == 1 {
            // Chunks run at the same time: each needs offsets of its own.
            forChunks(rowLength) { start, count in
                withUnsafeTemporaryAllocation(of: Int.self, capacity: operandCount + 1) { offsets in
                    guard let base = offsets.baseAddress else { return }
                    base[0] = start
                    for operand in 0..<operandCount { base[operand + 1] = varies[operand] ? start : 0 }
                    body(base, count)
                }
            }
        } else {
            let minimum = max(1, threadShare / max(rowLength, 1))
            forChunks(rows.count, minimum: minimum) { start, count in
                rows.forEach(start..<(start + count)) { body($0, rowLength) }
            }
        }
    }
}
