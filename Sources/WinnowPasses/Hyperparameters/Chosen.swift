/// A family of methods, each chosen by its name.
package protocol NamedCatalogue: Sendable {
    associatedtype Member
    /// Every member with its name, the default first.
    static var members: [(name: String, member: Member)] { get }
}

/// One member of a catalogue by its name.
package struct Chosen<Catalogue: NamedCatalogue>: Hashable, Sendable {
    package let name: String

    /// The default where there is none of this name, which `checkHyperparameters` refuses.
    package var member: Catalogue.Member {
        let members = Catalogue.members
        return (members.first { $0.name == name } ?? members[0]).member
    }

    private var isKnown: Bool { Catalogue.members.contains { $0.name == name } }
}

extension Chosen: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(name: name) }
}

extension Chosen: HyperparameterConvertible {
    package static var kind: String { "one of \(Catalogue.members.map(\.name).joined(separator: ", "))" }
    package init?(_ value: HyperparameterValue) {
        guard case .string(let name) = value else { return nil }
        self.init(name: name)
        guard isKnown else { return nil }
    }
    package var hyperparameterValue: HyperparameterValue { .string(name) }
    package var complaint: String? { isKnown ? nil : "is \(name), not \(Self.kind)" }
}
