/// The extent of one axis as far as it is known before running.
public enum Extent: Hashable, Sendable {
    case fixed(Int)
    /// A named extent that is fixed when a plan is made: the batch size, a sequence length.
    case symbol(String)
    case unknown

    /// The number, if it is known.
    public var value: Int? { if case .fixed(let value) = self { value } else { nil } }

    /// An extent that nobody named, told from all others by the place it comes from.
    package static func nameless(_ place: String) -> Extent { .symbol("\u{0}\(place)") }

    /// Whether it has neither a number nor a name that users know.
    package var isNameless: Bool {
        switch self {
        case .fixed: false
        case .symbol(let name): name.contains("\u{0}")
        case .unknown: true
        }
    }
}

extension Extent: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    public init(integerLiteral value: Int) { self = .fixed(value) }
    public init(stringLiteral name: String) { self = .symbol(name) }
}

extension Extent: CustomStringConvertible {
    public var description: String {
        switch self {
        case .fixed(let value): "\(value)"
        case .symbol(let name): isNameless ? "?" : name
        case .unknown: "?"
        }
    }
}
