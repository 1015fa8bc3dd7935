package import WinnowGraph
package import WinnowTensor

/// Tensors at stable addresses that plans read and trainers change in place.
package final class VariableStore {
    package let names: [ValueName]
    private let storages: [ValueName: (storage: TensorStorage, shape: Shape, elementType: ElementType)]

    package init(_ tensors: [ValueName: Tensor]) {
        names = tensors.keys.sorted()
        storages = tensors.mapValues { tensor in
            let storage = TensorStorage(byteCount: tensor.byteCount)
            tensor.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { storage.base.copyMemory(from: base, byteCount: bytes.count) }
            }
            return (storage, tensor.shape, tensor.elementType)
        }
    }

    /// A copy of the variable's present contents; setting copies them into its memory, in its type.
    package subscript(name: ValueName) -> Tensor? {
        get {
            guard let (storage, shape, elementType) = storages[name] else { return nil }
            var copy = Tensor(uninitialized: shape, elementType)
            copy.withUnsafeMutableBytes { bytes in
                bytes.copyMemory(from: UnsafeRawBufferPointer(start: storage.base, count: bytes.count))
            }
            return copy
        }
        set {
            guard let newValue, let (storage, shape, elementType) = storages[name] else { return }
            precondition(newValue.shape == shape)
            newValue.converted(to: elementType).withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { storage.base.copyMemory(from: base, byteCount: bytes.count) }
            }
        }
    }

    /// Throws `.data` if `tensors`, those of a checkpoint, lack one like the variable.
    package func check(_ name: ValueName, in tensors: [ValueName: Tensor]) throws {
        guard let (_, shape, elementType) = storages[name] else { return }
        guard let tensor = tensors[name] else { throw WinnowError(.data, "checkpoint", "lacks \(name)", remedy: "delete it") }
        guard tensor.shape == shape, tensor.elementType == elementType else {
            throw WinnowError(
                .data, "checkpoint", "\(name) is \(tensor.elementType) \(tensor.shape), but the model's is \(elementType) \(shape)",
                remedy: "delete it")
        }
    }

    /// Copies a checkpoint's contents of the variable.
    package func restore(_ name: ValueName, from tensors: [ValueName: Tensor]) throws {
        try check(name, in: tensors)
        if let tensor = tensors[name] { self[name] = tensor }
    }

    package func pointer(to name: ValueName) -> UnsafeMutableRawPointer? { storages[name]?.storage.base }

    package func elementCount(of name: ValueName) -> Int { storages[name]?.shape.elementCount ?? 0 }

    /// Copies of all variables.
    package var tensors: [ValueName: Tensor] {
        Dictionary(uniqueKeysWithValues: names.compactMap { name in self[name].map { (name, $0) } })
    }
}
