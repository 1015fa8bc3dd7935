package import WinnowTensor

/// The k largest or smallest elements along one axis, best first, with their int64 indices; of equal ones the first is better.
package struct TopKKernel: Sendable {
    private let outer: Int
    private let extent: Int
    private let inner: Int
    private let count: Int
    private let largest: Bool
    private let elementType: ElementType

    package init(_ elementType: ElementType, _ shape: Shape, axis: Int, count: Int, largest: Bool = true) throws {
        guard let axis = shape.axis(axis), count >= 0, count <= shape[axis] else {
            throw WinnowError(.shape, "top-k", "cannot take \(count) elements along axis \(axis) of \(shape)")
        }
        outer = shape[..<axis].reduce(1, *)
        extent = shape[axis]
        inner = shape[(axis + 1)...].reduce(1, *)
        self.count = count
        self.largest = largest
        self.elementType = elementType
        guard elementType.bitWidth >= 8, elementType != .bool, elementType.miniFloat == nil, elementType != .bfloat16 else {
            throw WinnowError(.unsupported, "top-k", "is not defined for \(elementType)")
        }
    }

    package func run(
        _ source: UnsafeRawPointer, values: UnsafeMutableRawPointer, indices: UnsafeMutablePointer<Int64>
    ) {
        func rank<Value: Comparable>(_ type: Value.Type) {
            run(source.assumingMemoryBound(to: type), values: values.assumingMemoryBound(to: type), indices: indices)
        }
        switch elementType {
        case .float64: rank(Double.self)
        case .float16: rank(Float16.self)
        case .int8: rank(Int8.self)
        case .uint8: rank(UInt8.self)
        case .int16: rank(Int16.self)
        case .uint16: rank(UInt16.self)
        case .int32: rank(Int32.self)
        case .uint32: rank(UInt32.self)
        case .int64: rank(Int64.self)
        case .uint64: rank(UInt64.self)
        default: rank(Float.self)
        }
    }

    private func run<Value: Comparable>(
        _ source: UnsafePointer<Value>, values: UnsafeMutablePointer<Value>, indices: UnsafeMutablePointer<Int64>
    ) {
        guard count > 0 else { return }
        for row in 0..<outer {
            for column in 0..<inner {
                let from = source + row * extent * inner + column
                let place = row * count * inner + column
                insert(from, values + place, indices + place)
            }
        }
    }

    /// Insertion into the sorted list of the best so far, which lives in the targets.
    private func insert<Value: Comparable>(
        _ source: UnsafePointer<Value>, _ values: UnsafeMutablePointer<Value>, _ indices: UnsafeMutablePointer<Int64>
    ) {
        var size = 0
        for i in 0..<extent {
            let value = source[i * inner]
            if size == count && !isBetter(value, values[(size - 1) * inner]) { continue }
            var slot = size < count ? size : size - 1
            while slot > 0 && isBetter(value, values[(slot - 1) * inner]) {
                values[slot * inner] = values[(slot - 1) * inner]
                indices[slot * inner] = indices[(slot - 1) * inner]
                slot -= 1
            }
            values[slot * inner] = value
            indices[slot * inner] = Int64(i)
            if size < count { size += 1 }
        }
    }

    /// NaN is larger than every number.
    @inline(__always)
    private func isBetter<Value: Comparable>(_ a: Value, _ b: Value) -> Bool {
        if a != a || b != b { return largest ? a != a && b == b : a == a && b != b }
        return largest ? a > b : a < b
    }
}
