package import WinnowTensor

/// The k largest or smallest elements along one axis, best first, with their int64 indices; of equal ones the first is better.
package struct TopKKernel: Sendable {
    private let outer: Int
    private let extent: Int
    private let inner: Int
    private let count: Int
    private let largest: Bool

    package init(_ shape: Shape, axis: Int, count: Int, largest: Bool = true) throws {
        guard let axis = shape.axis(axis), count >= 0, count <= shape[axis] else {
            throw WinnowError(.shape, "top-k", "cannot take \(count) elements along axis \(axis) of \(shape)")
        }
        outer = shape[..<axis].reduce(1, *)
        extent = shape[axis]
        inner = shape[(axis + 1)...].reduce(1, *)
        self.count = count
        self.largest = largest
    }

    package func run(
        _ source: UnsafePointer<Float>, values: UnsafeMutablePointer<Float>, indices: UnsafeMutablePointer<Int64>
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
    private func insert(
        _ source: UnsafePointer<Float>, _ values: UnsafeMutablePointer<Float>, _ indices: UnsafeMutablePointer<Int64>
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
    private func isBetter(_ a: Float, _ b: Float) -> Bool {
        if a != a || b != b { return largest ? a != a && b == b : a == a && b != b }
        return largest ? a > b : a < b
    }
}
