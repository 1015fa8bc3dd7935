import WinnowGraph
import WinnowTensor

/// An element that a place between elements of one axis is made of; both parts are values of a graph.
struct Neighbour {
    /// A whole number, as a floating-point value.
    var index: ValueName
    /// nil weighs 1.
    var weight: ValueName?
}

/// Reading between elements, put together of what can be differentiated.
extension GraphBuilder {
    /// The two elements around a place, weighted by how near they are.
    func linearNeighbours(of place: ValueName) throws -> [Neighbour] {
        let floor = try add(Floor(), place)
        let fraction = try subtract(place, floor)
        return [
            Neighbour(index: floor, weight: try add(negate(fraction), number: 1)),
            Neighbour(index: try add(floor, number: 1), weight: fraction),
        ]
    }

    /// The four elements around a place, weighted by the cubic convolution of Keys (1981) with a = −¾.
    func cubicNeighbours(of place: ValueName) throws -> [Neighbour] {
        let floor = try add(Floor(), place)
        let t = try subtract(place, floor)
        return try (0..<4).map { tap in
            let distance = try add(Abs(), add(t, number: Double(1 - tap)))
            // Within 1: (5/4·d − 9/4)·d² + 1; beyond: −¾·(((d − 5)·d + 8)·d − 4).
            let isNear = tap == 1 || tap == 2
            let (cubic, square, linear, constant) = isNear ? (1.25, -2.25, 0.0, 1.0) : (-0.75, 3.75, -6, 3)
            var weight = try add(multiply(distance, by: cubic), number: square)
            weight = try add(multiply(weight, distance), number: linear)
            weight = try add(multiply(weight, distance), number: constant)
            return Neighbour(index: try add(floor, number: Double(tap - 1)), weight: weight)
        }
    }

    /// The neighbour moved onto the axis, where it weighs nothing if it lay outside.
    func zeroOutside(_ neighbour: Neighbour, extent: Int) throws -> Neighbour {
        let inside = try clipped(neighbour.index, 0, Double(extent - 1))
        let isInside = try isEqual(inside, neighbour.index)
        return Neighbour(index: inside, weight: try neighbour.weight.map { try multiply($0, isInside) } ?? isInside)
    }

    /// What every combination of the axes' neighbours contributes. `elements` reads at int64 offsets within `spatial`.
    func contributions(
        _ axes: [[Neighbour]], spatial: [Int], _ elements: (ValueName) throws -> ValueName
    ) throws -> [ValueName] {
        var combinations: [(offset: ValueName, weight: ValueName?)] = []
        for (neighbours, stride) in zip(axes, Shape(spatial).strides) {
            let own = try neighbours.map { neighbour in
                let index = try add(Cast(to: .int64), neighbour.index)
                // NaN becomes a number far below 0.
                let place = try add(Max(), index, scalar(0, like: index))
                return (offset: try multiply(place, by: Double(stride)), weight: neighbour.weight)
            }
            guard !combinations.isEmpty else { combinations = own; continue }
            combinations = try combinations.flatMap { outer in
                try own.map { inner in
                    let weights = [outer.weight, inner.weight].compactMap { $0 }
                    return (
                        try add(outer.offset, inner.offset),
                        weights.count == 2 ? try multiply(weights[0], weights[1]) : weights.first
                    )
                }
            }
        }
        return try combinations.map { offset, weight in
            try weight.map { try multiply(elements(offset), $0) } ?? elements(offset)
        }
    }

    func sum(_ values: [ValueName]) throws -> ValueName {
        values.count == 1 ? values[0] : try add(Sum(), inputs: values)[0]
    }
}
