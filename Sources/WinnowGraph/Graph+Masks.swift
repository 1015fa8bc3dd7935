extension Notes {
    private static let roleKey = "winnow.role"

    /// Of a Mul that multiplies a weight by a 0/1 pruning mask.
    package static let mask = Notes(properties: [roleKey: "mask"])

    /// Whether a pruning mask is applied; the role is recorded in the file, whatever names the file has.
    package var isMask: Bool { properties[Self.roleKey] == "mask" }

    /// Whether an initializer is a number of the model rather than a parameter: a file had it as a node beside stored weights.
    package var isConstant: Bool {
        get { properties[Self.roleKey] == "constant" }
        set { properties[Self.roleKey] = newValue ? "constant" : nil }
    }
}

extension Graph {
    /// The initializers that nodes apply as pruning masks.
    package var maskNames: Set<ValueName> {
        Set(nodes.filter(\.notes.isMask).compactMap { $0.input(1) }.filter { initializers[$0] != nil })
    }

    /// The initializers that are numbers of the model rather than parameters, as its file tells.
    package var constantNames: Set<ValueName> { Set(metadata.valueNotes.filter { $0.value.tensor.isConstant }.keys) }
}
