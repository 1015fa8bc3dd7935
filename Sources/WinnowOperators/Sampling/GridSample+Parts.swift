package import WinnowGraph
import WinnowTensor

extension GridSample {
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, grid) = (try inputs.required(0), try inputs.required(1))
        let rank = try b.rank(of: x)
        let spatial = try (2..<rank).map { try b.extent($0, of: x) }
        let channels = try b.extent(1, of: x)
        let places = try (1..<(rank - 1)).map { try b.extent($0, of: grid) }
        let flat = try b.reshaped(x, [0, channels, spatial.reduce(1, *)])
        let rows = try b.reshaped(grid, [0, places.reduce(1, *), rank - 2])
        let axes = try spatial.enumerated().map { axis, extent in
            let column = rank - 3 - axis
            let place = try b.transposed(b.sliced(rows, axis: 2, column..<(column + 1)), [0, 2, 1])
            return try neighbours(of: place, extent: extent, b)
        }
        let parts = try b.contributions(axes, spatial: spatial) { offsets in
            let wide = try b.add(Expand(), offsets, b.integers([1, channels, 1], name: "shape"))
            return try b.add(GatherElements(axis: 2), flat, wide)
        }
        return [try b.reshaped(b.sum(parts), [0, channels] + places)]
    }

    /// The elements that places between −1 and 1 are made of.
    private func neighbours(of place: ValueName, extent: Int, _ b: GraphBuilder) throws -> [Neighbour] {
        let last = Double(extent - 1)
        let (low, high) = alignsCorners ? (0, last) : (-0.5, last + 0.5)
        // −1 and 1 are the ends of the range.
        var x = try b.add(b.multiply(b.add(place, number: 1), by: (high - low) / 2), number: low)
        if mode == .nearest { x = try b.add(Round(), x) }
        switch padding {
        case .zeros: break
        case .border: if mode != .cubic { x = try b.clipped(x, 0, last) }
        case .reflection: x = try reflected(x, low, high, b)
        }
        let around =
            switch mode {
            case .nearest: [Neighbour(index: try b.add(Round(), x), weight: nil)]
            case .linear: try b.linearNeighbours(of: x)
            case .cubic: try b.cubicNeighbours(of: x)
            }
        return try around.map { neighbour in
            switch padding {
            case .zeros: return try b.zeroOutside(neighbour, extent: extent)
            case .border: return Neighbour(index: try b.clipped(neighbour.index, 0, last), weight: neighbour.weight)
            case .reflection:
                let index = try b.add(Round(), reflected(neighbour.index, low, high, b))
                return Neighbour(index: try b.clipped(index, 0, last), weight: neighbour.weight)
            }
        }
    }

    /// The triangular wave low + span − ||x − low| mod 2·span − span|.
    private func reflected(_ x: ValueName, _ low: Double, _ high: Double, _ b: GraphBuilder) throws -> ValueName {
        let span = high - low
        guard span > 0 else { return try b.add(b.multiply(x, by: 0), number: low) }
        let distance = try b.add(Abs(), b.add(x, number: -low))
        let rest = try b.add(Mod(truncates: true), distance, b.scalar(2 * span, like: x))
        return try b.add(b.negate(b.add(Abs(), b.add(rest, number: -span))), number: low + span)
    }
}
