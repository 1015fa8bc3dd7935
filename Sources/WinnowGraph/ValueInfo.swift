package import WinnowTensor

/// What is known of a value before running: its type and, for constants and shape arithmetic, its contents.
package struct ValueInfo: Sendable {
    package var type: ValueType
    /// The elements, when the value is a constant.
    package var constant: Tensor?
    /// The elements of an integer value of rank 0 or 1 that are known only as extents (Shape of a symbolic input).
    package var symbolicElements: [Extent]?
    /// Whether the type rests on what nobody knows: an unknown operator's output whose type no file declares.
    package var isGuess = false

    package init(_ type: ValueType, constant: Tensor? = nil, symbolicElements: [Extent]? = nil) {
        self.type = type
        self.constant = constant
        self.symbolicElements = symbolicElements
    }

    /// What stands for a value of which nothing is known.
    package static let unknown = ValueInfo(declared: .unknown)

    /// A value of the type a file declares, which may be `unknown`.
    package init(declared type: ValueType) {
        self.init(type)
        isGuess = type == .unknown
    }

    package init(_ elementType: ElementType, _ extents: [Extent]?) { self.init(ValueType(elementType, extents)) }

    package init(constant: Tensor) {
        self.init(ValueType(constant.elementType, constant.shape), constant: constant)
    }

    package var elementType: ElementType { type.elementType }
    package var extents: [Extent]? { type.extents }
    package var rank: Int? { type.rank }
    package var shape: Shape? { type.shape }

    /// The elements of an integer value as extents, where they are known at all.
    package var elementExtents: [Extent]? {
        if let symbolicElements { return symbolicElements }
        guard let constant, constant.elementType.isInteger, constant.rank <= 1 else { return nil }
        return constant.integers().map { .fixed($0) }
    }

    /// The elements of an integer list or scalar as extents, unknown ones among them; nil where not even their number is known.
    package var countedExtents: [Extent]? {
        if let elementExtents { return elementExtents }
        guard elementType.isInteger, let shape, shape.rank <= 1 else { return nil }
        return [Extent](unknownOfRank: shape.elementCount)
    }

    /// The elements of a constant integer value.
    package var integers: [Int]? {
        guard let elements = elementExtents else { return nil }
        let values = elements.compactMap(\.value)
        return values.count == elements.count ? values : nil
    }
}

extension [Extent] {
    /// So many unknown extents; nil for more than any tensor has.
    package init?(unknownOfRank rank: Int) {
        guard (0...64).contains(rank) else { return nil }
        self.init(repeating: .unknown, count: rank)
    }
}
