package import WinnowGraph
import WinnowTensor

extension RoiAlign {
    /// For a fixed number of samples: one that follows the regions' sizes follows contents.
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        guard samples > 0 else { throw UndeterminedShape() }
        let (x, regions) = (try inputs.required(0), try inputs.required(1))
        let (channels, spatial) = (try b.extent(1, of: x), try (2..<4).map { try b.extent($0, of: x) })
        let corners = try b.add(b.multiply(regions, by: Double(scale)), number: usesHalfPixels ? -0.5 : 0)
        let rows = try places(corners, column: 1, bins: bins.rows, extent: spatial[0], b)
        let columns = try places(corners, column: 0, bins: bins.columns, extent: spatial[1], b)
        let flat = try b.reshaped(b.transposed(x, [1, 0, 2, 3]), [channels, -1])
        let image = try b.reshaped(b.add(Cast(to: .int64), inputs.required(2)), [-1, 1, 1])
        let start = try b.multiply(image, by: Double(spatial[0] * spatial[1]))
        let axes = [
            try neighbours(b.unsqueezed(rows.place, [2]), extent: spatial[0], b),
            try neighbours(b.unsqueezed(columns.place, [1]), extent: spatial[1], b),
        ]
        let isInside = try b.multiply(b.unsqueezed(rows.isInside, [2]), b.unsqueezed(columns.isInside, [1]))
        let parts = try b.contributions(axes, spatial: spatial) { offsets in
            try b.multiply(b.add(Gather(axis: 1), flat, b.add(offsets, start)), isInside)
        }
        // (C, R, rows · samples, columns · samples)
        let joined = takesMaximum ? try b.add(Max(), inputs: parts)[0] : try b.sum(parts)
        let blocks = try b.reshaped(joined, [channels, -1, bins.rows, samples, bins.columns, samples])
        let result = takesMaximum
            ? try b.reduced(ReduceMax.self, blocks, axes: [3, 5], keepsAxes: false)
            : try b.reduced(ReduceMean.self, blocks, axes: [3, 5], keepsAxes: false)
        return [try b.transposed(result, [1, 0, 2, 3])]
    }

    /// Where samples lie along one axis (R, bins · samples), moved onto it, and 1 for those at most one element outside.
    private func places(
        _ corners: ValueName, column: Int, bins: Int, extent: Int, _ b: GraphBuilder
    ) throws -> (place: ValueName, isInside: ValueName) {
        let first = try b.sliced(corners, axis: 1, column..<(column + 1))
        var size = try b.subtract(b.sliced(corners, axis: 1, (column + 2)..<(column + 3)), first)
        if !usesHalfPixels { size = try b.add(Max(), size, b.scalar(1, like: size)) }
        let count = bins * samples
        let share = try b.table("centers", [1, count], as: b.elementType(of: corners)) { (Double($0) + 0.5) / Double(count) }
        let place = try b.add(first, b.multiply(size, share))
        let isInside = try b.isEqual(b.clipped(place, -1, Double(extent)), place)
        return (try b.clipped(place, 0, Double(extent - 1)), isInside)
    }

    private func neighbours(_ place: ValueName, extent: Int, _ b: GraphBuilder) throws -> [Neighbour] {
        try b.linearNeighbours(of: place).map {
            Neighbour(index: try b.clipped($0.index, 0, Double(extent - 1)), weight: $0.weight)
        }
    }
}
