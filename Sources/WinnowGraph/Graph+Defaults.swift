import WinnowTensor

extension Graph {
    /// The inputs that the caller must supply.
    package var requiredInputs: [GraphInput] { inputs.filter { $0.defaultValue == nil } }

    /// The graph for a caller who supplies no input beside `given` and the required ones: the others' default values are
    /// constants.
    package func takingDefaults(except given: Set<ValueName> = []) throws -> Graph {
        var edit = GraphEdit()
        for input in inputs where !given.contains(input.name) {
            guard let tensor = input.defaultValue else { continue }
            edit.removedInputs.insert(input.name)
            edit.initializers.append((input.name, tensor))
        }
        return edit.initializers.isEmpty ? self : try applying(edit)
    }
}
