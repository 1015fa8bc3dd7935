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

    /// Reduces each output with the arithmetic of `Step`.
    func run<Step: ReductionStep>(_ type: Step.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer) {
        let blocks = (width + Self.block - 1) / Self.block
        let work = min(width, Self.block) * max(reducedCount, 1)
        forChunks(groups.count * blocks, minimum: max(1, threadShare / max(work, 1))) { first, count in
            run(Step.self, source, target, first..<(first + count), blocks)
        }
    }

    private func run<Step: ReductionStep>(
        _ type: Step.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ items: Range<Int>, _ blocks: Int
    ) {
        let x = source.assumingMemoryBound(to: Step.Element.self)
        let y = target.assumingMemoryBound(to: Step.Result.self)
        withUnsafeTemporaryAllocation(of: Step.Part.self, capacity: Self.block) { parts in
            withUnsafeTemporaryAllocation(of: Step.Total.self, capacity: Self.block) { totals in
                guard let parts = parts.baseAddress, let totals = totals.baseAddress else { return }
                // A group's blocks follow each other, so the offsets of a group are found once.
                let firstGroup = items.lowerBound / blocks
                var group = firstGroup
                groups.forEach(firstGroup..<((items.upperBound + blocks - 1) / blocks)) { offsets in
                    let start = max(items.lowerBound - group * blocks, 0)
                    let end = min(items.upperBound - group * blocks, blocks)
                    for block in start..<end {
                        let column = block * Self.block
                        let size = min(Self.block, width - column)
                        reduce(Step.self, x + offsets[1] + column, size, parts, totals)
                        let to = y + offsets[0] + column
                        for j in 0..<size { to[j] = Step.finish(totals[j], reducedCount) }
                    }
                    group += 1
                }
            }
        }
    }

    @inline(__always)
    private func reduce<Step: ReductionStep>(
        _ type: Step.Type, _ x: UnsafePointer<Step.Element>, _ size: Int, _ parts: UnsafeMutablePointer<Step.Part>,
        _ totals: UnsafeMutablePointer<Step.Total>
    ) {
        for j in 0..<size { totals[j] = Step.total }
        guard reducedCount > 0 else { return }
        if panels.count == 1 { return reducePanel(Step.self, x, size, parts, totals) }
        panels.forEach(0..<panels.count) { reducePanel(Step.self, x + $0[0], size, parts, totals) }
    }

    private func reducePanel<Step: ReductionStep>(
        _ type: Step.Type, _ x: UnsafePointer<Step.Element>, _ size: Int, _ parts: UnsafeMutablePointer<Step.Part>,
        _ totals: UnsafeMutablePointer<Step.Total>
    ) {
        // Dense narrow rows are taken several at a time, so that the loop over columns is long enough for vectors.
        let fused = rowStride == size ? min(max(1, Self.block / size), rowCount) : 1
        let wide = fused * size
        let wideRows = rowCount / fused
        var row = 0
        while row < wideRows {
            let end = min(row + Self.panel, wideRows)
            for j in 0..<wide { parts[j] = Step.start }
            if wide == Self.block {
                while row < end {
                    let from = x + row * fused * rowStride
                    for j in 0..<Self.block { parts[j] = Step.step(parts[j], from[j]) }
                    row += 1
                }
            } else {
                while row < end {
                    let from = x + row * fused * rowStride
                    for j in 0..<wide { parts[j] = Step.step(parts[j], from[j]) }
                    row += 1
                }
            }
            for k in 0..<fused { for j in 0..<size { totals[j] = Step.fold(totals[j], parts[k * size + j]) } }
        }
        for rest in (wideRows * fused)..<rowCount {
            for j in 0..<size { totals[j] = Step.fold(totals[j], Step.step(Step.start, x[rest * rowStride + j])) }
        }
    }
}
