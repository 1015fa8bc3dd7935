package import WinnowTensor

/// The int64 index of the largest or smallest element along one axis of a dense row-major tensor; NaN counts as extreme.
package struct ArgReductionKernel: Sendable {
    private typealias Loop = @Sendable (ArgReductionKernel, UnsafeRawPointer, UnsafeMutablePointer<Int64>) -> Void

    private let outer: Int
    private let extent: Int
    private let inner: Int
    private let loop: Loop

    /// Of equal elements the first counts, or the last if `selectsLast`.
    package init(
        maximum: Bool, _ elementType: ElementType, _ shape: Shape, axis: Int, selectsLast: Bool = false
    ) throws {
        func make<T: Comparable & BitwiseCopyable & Sendable>(_ type: T.Type) -> Loop {
            switch (maximum, selectsLast) {
            case (true, false): { $0.run($1, $2) { (x: T, best: T) in x > best || (x != x && best == best) } }
            case (true, true): { $0.run($1, $2) { (x: T, best: T) in x >= best || x != x } }
            case (false, false): { $0.run($1, $2) { (x: T, best: T) in x < best || (x != x && best == best) } }
            case (false, true): { $0.run($1, $2) { (x: T, best: T) in x <= best || x != x } }
            }
        }
        switch elementType {
        case .float32: loop = make(Float.self)
        case .float64: loop = make(Double.self)
        case .float16: loop = make(Float16.self)
        case .int32: loop = make(Int32.self)
        case .int64: loop = make(Int64.self)
        case .int8: loop = make(Int8.self)
        case .uint8: loop = make(UInt8.self)
        case .int16: loop = make(Int16.self)
        case .uint16: loop = make(UInt16.self)
        case .uint32: loop = make(UInt32.self)
        case .uint64: loop = make(UInt64.self)
        default: throw WinnowError(.unsupported, "arg reduction", "is not defined for \(elementType)")
        }
        outer = shape[..<axis].reduce(1, *)
        extent = shape[axis]
        inner = shape[(axis + 1)...].reduce(1, *)
        if extent == 0 { throw WinnowError(.shape, "arg reduction", "axis \(axis) of \(shape) is empty") }
    }

    package func run(from source: UnsafeRawPointer, to target: UnsafeMutablePointer<Int64>) { loop(self, source, target) }

    @inline(__always)
    private func run<T: BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Int64>, _ isBetter: (T, T) -> Bool
    ) {
        let x = source.assumingMemoryBound(to: T.self)
        for row in 0..<outer {
            for column in 0..<inner {
                let from = x + row * extent * inner + column
                var best = from[0]
                var index = 0
                for i in 1..<max(extent, 1) where isBetter(from[i * inner], best) {
                    best = from[i * inner]
                    index = i
                }
                target[row * inner + column] = Int64(index)
            }
        }
    }
}
