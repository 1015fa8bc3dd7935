/// How a plan lays a value out in memory; the logical shape stays ONNX's (N, C, spatial…) in both.
package enum Layout: Sendable, Hashable {
    /// Dense in the logical order of axes.
    case rowMajor
    /// Dense with axis 1 moved last: (N, spatial…, C). Only for rank 3 and above.
    case channelsLast

    /// The logical axes in the order they lie in memory.
    package func permutation(rank: Int) -> [Int] {
        switch self {
        case .rowMajor: Array(0..<rank)
        case .channelsLast: rank < 3 ? Array(0..<rank) : [0] + Array(2..<rank) + [1]
        }
    }

    /// The distance in elements between neighbours along each logical axis.
    package func strides(of shape: Shape) -> [Int] {
        let order = permutation(rank: shape.rank)
        let physical = shape.permuted(order).strides
        var strides = [Int](repeating: 1, count: shape.rank)
        for (position, axis) in order.enumerated() { strides[axis] = physical[position] }
        return strides
    }

    /// The copy that brings a value of `shape` from this layout into `target`.
    package func reorder(to target: Layout, shape: Shape, elementByteCount: Int) -> Permutation {
        let from = permutation(rank: shape.rank)
        let order = target.permutation(rank: shape.rank).map { axis in from.firstIndex(of: axis) ?? axis }
        return Permutation(shape: shape.permuted(from), permutation: order, elementByteCount: elementByteCount)
    }
}
