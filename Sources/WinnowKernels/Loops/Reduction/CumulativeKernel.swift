package import WinnowTensor

/// Running sums or products along one axis of a dense row-major tensor (ONNX's CumSum and CumProd).
package struct CumulativeKernel: Sendable {
    private let outer: Int
    private let extent: Int
    private let inner: Int
    private let multiplies: Bool
    private let exclusive: Bool
    private let reverse: Bool
    private let elementType: ElementType

    /// `exclusive` leaves the element itself out; `reverse` sums from the end.
    package init(
        _ elementType: ElementType, _ shape: Shape, axis: Int, multiplies: Bool = false, exclusive: Bool = false,
        reverse: Bool = false
    ) throws {
        guard [.float32, .float64, .int32, .int64, .uint32, .uint64].contains(elementType) else {
            throw WinnowError(.unsupported, "cumulative sum or product", "is not defined for \(elementType)")
        }
        outer = shape[..<axis].reduce(1, *)
        extent = shape[axis]
        inner = shape[(axis + 1)...].reduce(1, *)
        self.multiplies = multiplies
        self.exclusive = exclusive
        self.reverse = reverse
        self.elementType = elementType
    }

    /// The buffers must not overlap.
    package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        switch (elementType, multiplies) {
        case (.float32, false): run(source, target, Float(0), +)
        case (.float64, false): run(source, target, Double(0), +)
        // Sums and products of whole numbers are the same bits with and without a sign.
        case (.int32, false), (.uint32, false): run(source, target, Int32(0), &+)
        case (_, false): run(source, target, Int64(0), &+)
        case (.float32, true): run(source, target, Float(1), *)
        case (.float64, true): run(source, target, Double(1), *)
        case (.int32, true), (.uint32, true): run(source, target, Int32(1), &*)
        case (_, true): run(source, target, Int64(1), &*)
        }
    }

    @inline(__always)
    private func run<T: BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ start: T, _ join: (T, T) -> T
    ) {
        let x = source.assumingMemoryBound(to: T.self)
        let y = target.assumingMemoryBound(to: T.self)
        let step = reverse ? -inner : inner
        for row in 0..<outer {
            for column in 0..<inner {
                var place = row * extent * inner + column + (reverse ? (extent - 1) * inner : 0)
                var total = start
                for _ in 0..<extent {
                    let next = join(total, x[place])
                    y[place] = exclusive ? total : next
                    total = next
                    place += step
                }
            }
        }
    }
}
