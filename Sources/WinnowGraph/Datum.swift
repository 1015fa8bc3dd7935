package import WinnowTensor

/// What a value holds while a graph runs: a tensor, a list of tensors, or nothing (an optional without contents).
package enum Datum: Sendable {
    case tensor(Tensor)
    case list([Tensor])
    case nothing

    package var tensor: Tensor? { if case .tensor(let tensor) = self { tensor } else { nil } }
    package var list: [Tensor]? { if case .list(let tensors) = self { tensors } else { nil } }

    /// The type; `declared` stands in where there are no contents to tell it.
    package func type(declared: ValueType) -> ValueType {
        switch self {
        case .tensor(let tensor): return ValueType(tensor.elementType, tensor.shape)
        case .list(let tensors): return ValueType(listOf: tensors.first?.elementType ?? declared.elementType)
        case .nothing:
            var type = declared
            type.isOptional = true
            return type
        }
    }
}

extension [Datum?] {
    /// The tensor at `index`, which the operator requires.
    package func tensor(_ index: Int) throws -> Tensor {
        guard index < count, let tensor = self[index]?.tensor else { throw WinnowError(.data, "input \(index)", "is no tensor") }
        return tensor
    }

    /// The tensor at `index`; nil where there is none.
    package func optionalTensor(_ index: Int) -> Tensor? { index < count ? self[index]?.tensor : nil }

    /// The list at `index`, which the operator requires.
    package func list(_ index: Int) throws -> [Tensor] {
        guard index < count, let list = self[index]?.list else { throw WinnowError(.data, "input \(index)", "is no list") }
        return list
    }
}
