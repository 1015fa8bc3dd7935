/// The extent of one axis as far as it is known before running.
public enum Extent: Hashable, Sendable {
    case fixed(Int)
    /// A named extent that is fixed when a plan is made: the batch size, a sequence length.
    case symbol(String)
    case unknown

    /// The number, if it is known.
    public var value: Int? { if case .fixed(let value) = self { value } else { nil } }
}

extension Extent: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    public init(integerLiteral value: Int) { self = .fixed(value) }
    public init(stringLiteral name: String) { self = .symbol(name) }
}

extension Extent: CustomStringConvertible {
    public var description: String {
        switch self {
        case .fixed(let value): "\(value)"
        case .symbol(let name): name
        case .unknown: "?"
        }
    }
}
