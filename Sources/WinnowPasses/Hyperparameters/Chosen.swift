import WinnowTensor

/// A family of methods, each chosen by its name.
public protocol NamedCatalogue: Sendable {
    /// The names of all members, the default first.
    static var names: [String] { get }
}

/// The same with what the names stand for.
package protocol MemberCatalogue: NamedCatalogue {
    associatedtype Member
    /// Every member in the order of `names`.
    static var all: [Member] { get }
}

/// One member of a catalogue by its name.
public struct Chosen<Catalogue: NamedCatalogue>: Hashable, Sendable {
    public let name: String

    private var isKnown: Bool { Catalogue.names.contains(name) }
}

extension Chosen {
    /// Throws `.usage` naming `option` for a name that no member has.
    public init(named name: String, for option: String) throws {
        self.init(name: name)
        guard isKnown else {
            throw WinnowError(.usage, option, "\(name) is unknown", remedy: Spelling.remedy(for: name, among: Catalogue.names))
        }
    }
}

extension Chosen where Catalogue: MemberCatalogue {
    /// The default where there is none of this name, which `checkHyperparameters` refuses.
    package var member: Catalogue.Member { Catalogue.all[Catalogue.names.firstIndex(of: name) ?? 0] }
}

extension Chosen: CustomStringConvertible {
    public var description: String { name }
}

extension Chosen: ExpressibleByStringLiteral {
    public init(stringLiteral name: String) { self.init(name: name) }
}

extension Chosen: HyperparameterConvertible {
    public static var kind: String { "one of \(Catalogue.names.joined(separator: ", "))" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema(words: Catalogue.names) }
    public init?(_ value: HyperparameterValue) {
        guard let name = value.word else { return nil }
        self.init(name: name)
        guard isKnown else { return nil }
    }
    public var hyperparameterValue: HyperparameterValue { .string(name) }
    public var complaint: String? { isKnown ? nil : "is \(name), not \(Self.kind)" }
}
