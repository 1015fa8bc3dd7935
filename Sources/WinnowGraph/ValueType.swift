public import WinnowTensor

/// The element type and extents of a value; nil extents mean that not even the rank is known.
public struct ValueType: Hashable, Sendable {
    public var elementType: ElementType
    public var extents: [Extent]?
    /// Whether the value is a list of such tensors (ONNX's sequence).
    public var isList = false
    /// Whether the value may be nothing (ONNX's optional).
    public var isOptional = false
    /// What the value is in a file, where it is something that nothing here computes with: texts, maps.
    package private(set) var foreign: ForeignType?

    public init(_ elementType: ElementType, _ extents: [Extent]?) {
        self.elementType = elementType
        self.extents = extents
    }

    public init(_ elementType: ElementType, _ shape: Shape) {
        self.init(elementType, shape.map { .fixed($0) })
    }

    /// Something that nothing here computes with.
    package init(_ foreign: ForeignType) {
        self.init(.uint8, nil)
        self.foreign = foreign
    }

    /// A list of tensors of any shapes.
    package init(listOf elementType: ElementType) {
        self.init(elementType, nil)
        isList = true
    }

    /// Whether it is a tensor for certain.
    package var isTensor: Bool { !isList && !isOptional && foreign == nil }

    /// What stands for a type that nobody declares.
    package static let unknown = ValueType(.float32, nil)

    public var rank: Int? { extents?.count }

    /// The shape, if every extent is a number.
    public var shape: Shape? {
        guard let extents else { return nil }
        let values = extents.compactMap(\.value)
        return values.count == extents.count ? Shape(values) : nil
    }

    /// Whether a value of type `other` may stand where this type is asked for; unknown and symbols fit anything.
    package func accepts(_ other: ValueType) -> Bool {
        guard elementType == other.elementType, foreign == other.foreign, isList == other.isList, isOptional || !other.isOptional else { return false }
        guard let extents, let others = other.extents else { return true }
        return extents.count == others.count
            && zip(extents, others).allSatisfy { a, b in a.value == nil || b.value == nil || a == b }
    }
}

/// A type that only files have: it is kept and written as it was read.
package struct ForeignType: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// The file's message.
    package let encoded: [UInt8]

    package init(_ description: String, encoded: [UInt8]) { (self.description, self.encoded) = (description, encoded) }

    /// What is said where such a value would have to be computed: `subject` takes, reads or gives it.
    package func refusal(of subject: String, _ verb: String, remedy: String = "") -> WinnowError {
        WinnowError(.unsupported, subject, "\(verb) \(self), and only numbers are computed", remedy: remedy)
    }
}

extension ValueType: CustomStringConvertible {
    public var description: String {
        if let foreign { return foreign.description }
        let extents = extents.map { $0.map(\.description).joined(separator: ", ") } ?? "…"
        return "\(isOptional ? "optional " : "")\(isList ? "list of " : "")\(elementType)[\(extents)]"
    }
}
