/// The extents of a tensor's axes, outermost first; an empty shape is a scalar.
public struct Shape: Hashable, Sendable, Codable {
    public var extents: [Int]

    public init(_ extents: [Int]) { self.extents = extents }

    /// The number of axes.
    public var rank: Int { extents.count }

    /// The product of all extents; 1 for a scalar.
    public var elementCount: Int {
        extents.reduce(1) { product, extent in
            let (next, overflows) = product.multipliedReportingOverflow(by: extent)
            return overflows || next > Self.largestElementCount ? Self.largestElementCount : next
        }
    }

    /// What larger products count as: beyond any memory, with room for sizes in bits.
    private static let largestElementCount = 1 << 56

    /// The distance in elements between neighbours along each axis of a dense row-major tensor.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] *| extents[axis + 1] }
        return strides
    }

    /// The extents in the order that `permutation` lists the axes.
    public func permuted(_ permutation: [Int]) -> Shape { Shape(permutation.map { extents[$0] }) }

    /// The non-negative index of an axis that may count from the end, or nil if it is out of range.
    public func axis(_ axis: Int) -> Int? {
        let index = axis < 0 ? axis + rank : axis
        return extents.indices.contains(index) ? index : nil
    }

    /// The shape both broadcast to by NumPy's rules, or nil if they do not match.
    public func broadcast(with other: Shape) -> Shape? {
        let rank = Swift.max(self.rank, other.rank)
        var result = [Int](repeating: 1, count: rank)
        for offset in 1..<(rank + 1) {
            let a = offset <= self.rank ? extents[self.rank - offset] : 1
            let b = offset <= other.rank ? other.extents[other.rank - offset] : 1
            guard a == b || a == 1 || b == 1 else { return nil }
            result[rank - offset] = a == 1 ? b : a
        }
        return Shape(result)
    }
}

extension Shape: ExpressibleByArrayLiteral {
    public init(arrayLiteral extents: Int...) { self.init(extents) }
}

extension Shape: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
    public init() { extents = [] }
    public var startIndex: Int { 0 }
    public var endIndex: Int { extents.count }
    public subscript(axis: Int) -> Int {
        get { extents[axis] }
        set { extents[axis] = newValue }
    }
    public mutating func replaceSubrange(_ range: Range<Int>, with extents: some Collection<Int>) {
        self.extents.replaceSubrange(range, with: extents)
    }
}

extension Shape: CustomStringConvertible {
    public var description: String { extents.map(String.init).joined(separator: "×") }
}
