/// A family of methods, each chosen by its name.
package protocol NamedCatalogue: Sendable {
    static var names: [String] { get }
}

/// The name of one member of a catalogue.
package struct Chosen<Catalogue: NamedCatalogue>: Hashable, Sendable {
    package let name: String
}

extension Chosen: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(name: name) }
}

extension Chosen: HyperparameterConvertible {
    package static var kind: String { "one of \(Catalogue.names.joined(separator: ", "))" }
    package init?(_ value: HyperparameterValue) {
        guard case .string(let name) = value, Catalogue.names.contains(name) else { return nil }
        self.init(name: name)
    }
    package var hyperparameterValue: HyperparameterValue { .string(name) }
}
