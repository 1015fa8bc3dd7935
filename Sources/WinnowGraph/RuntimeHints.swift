/// Attributes that ask a runtime for a precision or a way of computing which change no result here; kept for those that follow
/// them.
package struct RuntimeHints: Sendable, Hashable {
    private var numbers: [String: Int] = [:]

    package init() {}

    package init(_ attributes: Attributes, _ names: String...) throws {
        for name in names { numbers[name] = try attributes.int(name) }
    }

    package func add(to attributes: inout Attributes) {
        for (name, number) in numbers { attributes[name] = .int(number) }
    }

    /// The attributes with the hints.
    package func added(to attributes: Attributes) -> Attributes {
        var result = attributes
        add(to: &result)
        return result
    }
}
