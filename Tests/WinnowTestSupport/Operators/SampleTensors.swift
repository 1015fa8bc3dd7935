package import WinnowTensor

extension Tensor {
    /// Distinct odd multiples of 1/32 from `range` in random order: never near a kink at a multiple of 1/16.
    package static func sample(_ shape: Shape, in range: ClosedRange<Double> = -2...2, seed: UInt64 = 1) -> Tensor {
        let count = shape.elementCount
        var generator = RandomGenerator(seed: seed, stream: UInt64(count))
        let steps = Int((range.upperBound - range.lowerBound) * 16)
        var values: [Float] = []
        while values.count < count {
            values += (0..<steps).map { Float(range.lowerBound) + (Float($0) + 0.5) / 16 }.shuffled(using: &generator)
        }
        return Tensor(Array(values.prefix(count)), shape: shape)
    }

    /// Integers counted from `start`, wrapping within `modulus`.
    package static func counting(_ shape: Shape, as type: ElementType = .float32, from start: Int = 0, modulus: Int = 251)
        -> Tensor
    {
        Tensor((0..<shape.elementCount).map { Double((start + $0 * 7) % modulus) }, shape: shape, as: type)
    }

    /// Calls `value` with every multi-index of `shape`.
    package static func computed(_ shape: Shape, as type: ElementType = .float32, _ value: ([Int]) -> Double) -> Tensor {
        let strides = shape.strides
        let values = (0..<shape.elementCount).map { index in
            value(shape.indices.map { index / strides[$0] % shape[$0] })
        }
        return Tensor(values, shape: shape, as: type)
    }

    /// A reader of elements by multi-index that broadcasts axes of extent 1 and missing leading axes.
    package func reader() -> ([Int]) -> Double {
        let values = doubles()
        let strides = shape.strides
        let shape = shape
        return { index in
            let missing = index.count - shape.rank
            return values[shape.indices.reduce(0) { $0 + (shape[$1] == 1 ? 0 : index[missing + $1]) * strides[$1] }]
        }
    }
}

/// The largest difference between two tensors over the largest magnitude (at least 1), or nil if they differ in type,
/// shape or where they are not finite.
package func relativeDifference(_ a: Tensor, _ b: Tensor) -> Double? {
    guard a.elementType == b.elementType, a.shape == b.shape else { return nil }
    var difference = 0.0
    var scale = 1.0
    for (x, y) in zip(a.doubles(), b.doubles()) {
        if x.isNaN && y.isNaN || x == y { continue }
        guard x.isFinite, y.isFinite else { return nil }
        difference = max(difference, (x - y).magnitude)
        scale = max(scale, y.magnitude)
    }
    return difference / scale
}
