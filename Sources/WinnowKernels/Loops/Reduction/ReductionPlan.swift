internal import WinnowTensor

/// How a dense tensor is reduced over some of its axes, planned once: a matrix of rows to reduce for each group of outputs.
struct ReductionPlan: Sendable {
    /// Outputs: offsets into the target, and into the source.
    let groups: LoopNest
    /// Panels of rows to reduce into each group: offsets into the source.
    let panels: LoopNest
    /// Neighbouring outputs that are neighbours in the source too; 1 where the innermost axis is reduced.
    let width: Int
    /// Rows of a panel and the distance between them.
    let rowCount: Int
    let rowStride: Int
    /// Elements reduced into one output.
    let reducedCount: Int

    /// `axes` are non-negative; none reduces nothing.
    init(_ shape: Shape, axes: [Int], layout: Layout) {
        let order = layout.permutation(rank: shape.rank)
        let physical = shape.permuted(order)
        let isReduced = order.map { axes.contains($0) }
        let kept = Shape(zip(physical, isReduced).map { $1 ? 1 : $0 })
        reducedCount = zip(physical, isReduced).reduce(1) { $1.1 ? $0 * $1.0 : $0 }
        let isEmpty = physical.contains(0)
        let nest = LoopNest(
            extents: isEmpty ? kept.extents : physical.extents,
            strides: [zip(kept.strides, isReduced).map { $1 ? 0 : $0 }, physical.strides])
        var keptAxes: [Int] = []
        var reducedAxes: [Int] = []
        for axis in nest.extents.indices {
            if nest.stride(axis: axis, operand: 0) == 0 { reducedAxes.append(axis) } else { keptAxes.append(axis) }
        }
        let innerKept = keptAxes.last == nest.extents.count - 1 ? keptAxes.removeLast() : nil
        width = innerKept.map { nest.extents[$0] } ?? 1
        let rows = reducedAxes.popLast()
        rowCount = rows.map { nest.extents[$0] } ?? 1
        rowStride = rows.map { nest.stride(axis: $0, operand: 1) } ?? 1
        groups = LoopNest(
            extents: keptAxes.map { nest.extents[$0] },
            strides: [0, 1].map { operand in keptAxes.map { nest.stride(axis: $0, operand: operand) } })
        panels = LoopNest(
            extents: reducedAxes.map { nest.extents[$0] }, strides: [reducedAxes.map { nest.stride(axis: $0, operand: 1) }])
    }

    /// Columns reduced at a time, with accumulators on the stack.
    static let block = 64

    /// Rows summed in the narrow type before they go into the total.
    private static let panel = 64

    /// Reduces each output: `step` brings an element into a partial result, `fold` a partial result into the total.
    @inline(__always)
    func run<In: BitwiseCopyable, Part: BitwiseCopyable, Total: BitwiseCopyable, Out: BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, start: Part, total: Total,
        step: (Part, In) -> Part, fold: (Total, Part) -> Total, finish: (Total) -> Out
    ) {
        let x = source.assumingMemoryBound(to: In.self)
        let y = target.assumingMemoryBound(to: Out.self)
        let blocks = (width + Self.block - 1) / Self.block
        let work = min(width, Self.block) * max(reducedCount, 1)
        forChunks(groups.count * blocks, minimum: max(1, 32_768 / max(work, 1))) { first, count in
            withUnsafeTemporaryAllocation(of: Part.self, capacity: Self.block) { parts in
                withUnsafeTemporaryAllocation(of: Total.self, capacity: Self.block) { totals in
                    guard let parts = parts.baseAddress, let totals = totals.baseAddress else { return }
                    for item in first..<(first + count) {
                        let group = item / blocks
                        let column = (item - group * blocks) * Self.block
                        let size = min(Self.block, width - column)
                        for j in 0..<size { totals[j] = total }
                        groups.forEach(group..<(group + 1)) { offsets in
                            if reducedCount > 0 {
                                panels.forEach(0..<panels.count) { panel in
                                    reducePanel(x + offsets[1] + panel[0] + column, size, parts, totals, start, step, fold)
                                }
                            }
                            let to = y + offsets[0] + column
                            for j in 0..<size { to[j] = finish(totals[j]) }
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private func reducePanel<In, Part, Total>(
        _ x: UnsafePointer<In>, _ size: Int, _ parts: UnsafeMutablePointer<Part>, _ totals: UnsafeMutablePointer<Total>,
        _ start: Part, _ step: (Part, In) -> Part, _ fold: (Total, Part) -> Total
    ) {
        // Dense narrow rows are taken several at a time, so that the loop over columns is long enough for vectors.
        let fused = rowStride == size ? max(1, Self.block / size) : 1
        let wide = fused * size
        let wideRows = rowCount / fused
        var row = 0
        while row < wideRows {
            let end = min(row + Self.panel, wideRows)
            for j in 0..<wide { parts[j] = start }
            if wide == Self.block {
                while row < end {
                    let from = x + row * fused * rowStride
                    for j in 0..<Self.block { parts[j] = step(parts[j], from[j]) }
                    row += 1
                }
            } else {
                while row < end {
                    let from = x + row * fused * rowStride
                    for j in 0..<wide { parts[j] = step(parts[j], from[j]) }
                    row += 1
                }
            }
            for k in 0..<fused { for j in 0..<size { totals[j] = fold(totals[j], parts[k * size + j]) } }
        }
        for rest in (wideRows * fused)..<rowCount {
            for j in 0..<size { totals[j] = fold(totals[j], step(start, x[rest * rowStride + j])) }
        }
    }
}
