/// Typed n-dimensional data: row-major, dense, in shared aligned storage, with value semantics.
public struct Tensor: Sendable {
    public let elementType: ElementType
    public private(set) var shape: Shape
    private var storage: TensorStorage
    private var byteOffset: Int

    /// A tensor whose elements are not yet written.
    package init(uninitialized shape: Shape, _ elementType: ElementType) {
        self.elementType = elementType
        self.shape = shape
        storage = TensorStorage(byteCount: elementType.byteCount(of: shape.elementCount))
        byteOffset = 0
    }

    /// A tensor over existing storage, starting `byteOffset` bytes into it.
    package init(storage: TensorStorage, byteOffset: Int = 0, shape: Shape, _ elementType: ElementType) {
        precondition(byteOffset + elementType.byteCount(of: shape.elementCount) <= storage.byteCount)
        self.elementType = elementType
        self.shape = shape
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// A tensor of zeros.
    public init(zeros shape: Shape, _ elementType: ElementType = .float32) {
        self.init(uninitialized: shape, elementType)
        storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    /// A tensor of `values` in row-major order; a missing shape means one axis.
    public init<Scalar: TensorScalar>(_ values: [Scalar], shape: Shape? = nil) {
        let shape = shape ?? [values.count]
        precondition(shape.elementCount == values.count, "\(values.count) values do not fill \(shape)")
        self.init(uninitialized: shape, Scalar.elementType)
        values.withUnsafeBytes { source in
            if let base = source.baseAddress { storage.base.copyMemory(from: base, byteCount: source.count) }
        }
    }

    /// A tensor of rank 0.
    public init<Scalar: TensorScalar>(scalar: Scalar) { self.init([scalar], shape: []) }

    /// A tensor with every element set to `value`.
    public init<Scalar: TensorScalar>(repeating value: Scalar, shape: Shape) {
        self.init(uninitialized: shape, Scalar.elementType)
        storage.base.initializeMemory(as: Scalar.self, repeating: value, count: shape.elementCount)
    }

    public var elementCount: Int { shape.elementCount }
    public var rank: Int { shape.rank }

    /// The bytes the elements take in memory.
    public var byteCount: Int { elementType.byteCount(of: shape.elementCount) }
}

extension Tensor {
    /// Calls `body` with the raw bytes, row-major, little-endian.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(storage) {
            try body(UnsafeRawBufferPointer(start: storage.base + byteOffset, count: byteCount))
        }
    }

    /// Calls `body` with the raw bytes for writing; storage shared with another tensor is copied first.
    public mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        makeUnique()
        return try withExtendedLifetime(storage) {
            try body(UnsafeMutableRawBufferPointer(start: storage.base + byteOffset, count: byteCount))
        }
    }

    /// Calls `body` with the elements. `Scalar` must be the stored type.
    package func withElements<Scalar: TensorScalar, Result>(
        _ type: Scalar.Type = Scalar.self, _ body: (UnsafeBufferPointer<Scalar>) throws -> Result
    ) rethrows -> Result {
        precondition(Scalar.elementType == elementType, "tensor holds \(elementType), not \(Scalar.elementType)")
        return try withUnsafeBytes { try body($0.bindMemory(to: Scalar.self)) }
    }

    /// Calls `body` with the elements for writing. `Scalar` must be the stored type.
    package mutating func withMutableElements<Scalar: TensorScalar, Result>(
        _ type: Scalar.Type = Scalar.self, _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> Result
    ) rethrows -> Result {
        precondition(Scalar.elementType == elementType, "tensor holds \(elementType), not \(Scalar.elementType)")
        return try withUnsafeMutableBytes { try body($0.bindMemory(to: Scalar.self)) }
    }

    private mutating func makeUnique() {
        guard !isKnownUniquelyReferenced(&storage) || byteOffset != 0 || storage.isMapped else { return }
        let copy = TensorStorage(byteCount: byteCount)
        copy.base.copyMemory(from: storage.base + byteOffset, byteCount: byteCount)
        storage = copy
        byteOffset = 0
    }

    /// The storage and offset, for readers that must keep the memory alive beyond one call (packed constants, mapped files).
    package var memory: (storage: TensorStorage, byteOffset: Int) { (storage, byteOffset) }
}

extension Tensor {
    /// The elements in row-major order, or nil if `Scalar` is not the stored type.
    public func elements<Scalar: TensorScalar>(_ type: Scalar.Type = Scalar.self) -> [Scalar]? {
        guard Scalar.elementType == elementType else { return nil }
        return withElements(Scalar.self) { Array($0) }
    }

    /// The same elements in another shape with as many elements.
    public func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.elementCount == elementCount, "\(self.shape) does not reshape to \(shape)")
        var result = self
        result.shape = shape
        return result
    }

    /// Rows `range` along the first axis, sharing storage where elements take whole bytes.
    public func rows(_ range: Range<Int>) -> Tensor {
        if isPacked { return repacked { $0.rows(range) } }
        precondition(rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0])
        let rowByteCount = shape[0] == 0 ? 0 : byteCount / shape[0]
        var extents = shape
        extents[0] = range.count
        return Tensor(
            storage: storage, byteOffset: byteOffset + range.lowerBound * rowByteCount, shape: extents, elementType)
    }

    /// The rows at `indices` along the first axis, copied in that order.
    public func rows(at indices: some Collection<Int>) -> Tensor {
        if isPacked { return repacked { $0.rows(at: indices) } }
        precondition(rank > 0)
        let rowByteCount = shape[0] == 0 ? 0 : byteCount / shape[0]
        var extents = shape
        extents[0] = indices.count
        var result = Tensor(uninitialized: extents, elementType)
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for (row, index) in indices.enumerated() {
                    precondition(index >= 0 && index < shape[0])
                    UnsafeMutableRawBufferPointer(rebasing: target[(row * rowByteCount)..<((row + 1) * rowByteCount)])
                        .copyMemory(from: UnsafeRawBufferPointer(
                            rebasing: source[(index * rowByteCount)..<((index + 1) * rowByteCount)]))
                }
            }
        }
        return result
    }

    /// The slices at `indices` along `axis`, copied in that order; how channels are removed.
    public func selecting(_ indices: [Int], axis: Int) -> Tensor {
        if isPacked { return repacked { $0.selecting(indices, axis: axis) } }
        let outer = Shape(Array(shape[..<axis])).elementCount
        let front = reshaped([outer, shape[axis], Shape(Array(shape[(axis + 1)...])).elementCount])
            .transposed([1, 0, 2]).rows(at: indices).transposed([1, 0, 2])
        var extents = shape
        extents[axis] = indices.count
        return front.reshaped(extents)
    }

    /// The axes in the order `permutation` lists them, elements copied.
    public func transposed(_ permutation: [Int]) -> Tensor {
        precondition(permutation.sorted() == Array(0..<rank))
        if isPacked { return repacked { $0.transposed(permutation) } }
        var result = Tensor(uninitialized: shape.permuted(permutation), elementType)
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                Permutation(shape: shape, permutation: permutation, elementByteCount: elementType.bitWidth / 8)
                    .copy(from: source.baseAddress.unsafelyUnwrapped, to: target.baseAddress.unsafelyUnwrapped)
            }
        }
        return result
    }
}

extension Tensor: Equatable {
    /// Same element type, shape and bytes.
    public static func == (a: Tensor, b: Tensor) -> Bool {
        guard a.elementType == b.elementType, a.shape == b.shape else { return false }
        return a.withUnsafeBytes { x in b.withUnsafeBytes { y in x.baseAddress == y.baseAddress || x.elementsEqual(y) } }
    }
}

extension Tensor: CustomStringConvertible {
    public var description: String {
        let shown = floats(first: 8).map { "\($0)" }.joined(separator: ", ")
        return "\(elementType)[\(shape)] {\(shown)\(elementCount > 8 ? ", …" : "")}"
    }
}
