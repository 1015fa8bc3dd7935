package import WinnowGraph
package import WinnowTensor

/// The different elements (or slices along `axis`), where each occurs first, which of them every element is, and how often
/// each occurs.
package struct Unique: ContentShaped {
    package static let type = OperatorType("Unique")
    package static let maximumInputCount = 1
    package static let maximumOutputCount = 4

    package var axis: Int?
    package var isSorted: Bool

    package init(axis: Int? = nil, isSorted: Bool = true) {
        self.axis = axis
        self.isSorted = isSorted
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis"), isSorted: try attributes.flag("sorted", default: true))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["sorted": .int(isSorted ? 1 : 0)]
        if let axis { attributes["axis"] = .int(axis) }
        return attributes
    }

    package var minimumVersion: Int { 11 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        var extents: [Extent]? = [.unknown]
        if let axis {
            extents = data.extents
            if let rank = extents?.count { extents?[try axis.normalizedAxis(rank: rank)] = .unknown }
        }
        return [ValueInfo(data.elementType, extents)] + (0..<3).map { _ in ValueInfo(.int64, [.unknown]) }
    }

    package func results(of inputs: [Tensor?]) throws -> [Tensor] {
        let tensor = try inputs.required(0)
        let data = axis == nil ? tensor.reshaped([tensor.elementCount]) : tensor
        let axis = try (self.axis ?? 0).normalizedAxis(rank: data.rank)
        let slices = Self.slices(data, axis: axis)
        var places: [[Double]: Int] = [:]
        var firsts: [Int] = []
        var kinds: [Int] = []
        var counts: [Int] = []
        for (index, slice) in slices.enumerated() {
            let kind = places[slice] ?? firsts.count
            if kind == firsts.count {
                places[slice] = kind
                firsts.append(index)
                counts.append(0)
            }
            kinds.append(kind)
            counts[kind] += 1
        }
        var order = Array(firsts.indices)
        if isSorted { order.sort { slices[firsts[$0]].lexicographicallyPrecedes(slices[firsts[$1]]) } }
        var rank = [Int](repeating: 0, count: order.count)
        for (position, kind) in order.enumerated() { rank[kind] = position }
        return [
            data.selecting(order.map { firsts[$0] }, axis: axis), Tensor(order.map { Int64(firsts[$0]) }),
            Tensor(kinds.map { Int64(rank[$0]) }), Tensor(order.map { Int64(counts[$0]) }),
        ]
    }

    /// The elements of each index along an axis.
    private static func slices(_ data: Tensor, axis: Int) -> [[Double]] {
        let inner = data.shape[(axis + 1)...].reduce(1, *)
        let values = data.doubles()
        var slices = [[Double]](repeating: [], count: data.shape[axis])
        for (position, value) in values.enumerated() { slices[position / inner % data.shape[axis]].append(value) }
        return slices
    }
}
