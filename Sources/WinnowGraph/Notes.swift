/// What a file says in words about a graph, a node or a value; kept from reading to writing, read by no arithmetic.
package struct Notes: Sendable, Hashable {
    package var documentation = ""
    package var properties: [String: String] = [:]

    package init(documentation: String = "", properties: [String: String] = [:]) {
        self.documentation = documentation
        self.properties = properties
    }

    package var isEmpty: Bool { documentation.isEmpty && properties.isEmpty }
}

/// What a file says about a value beside its type.
package struct ValueNotes: Sendable, Hashable {
    package var notes = Notes()
    /// Of the initializer behind the value.
    package var tensor = Notes()
    /// What the value is: `IMAGE`.
    package var denotation = ""
    /// What its axes are, by position: `DATA_BATCH`.
    package var axisDenotations: [Int: String] = [:]
    /// How it was quantized, as the names of tensors by their roles: `SCALE_TENSOR`.
    package var quantization: [String: ValueName] = [:]

    package init() {}

    package var isEmpty: Bool { self == ValueNotes() }

    /// The same where tensors have other names.
    func renaming(_ name: (ValueName) -> ValueName) -> ValueNotes {
        var result = self
        result.quantization = quantization.mapValues(name)
        return result
    }
}
