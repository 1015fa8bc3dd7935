/// How long a model may take for a sample: a part of what it takes as it is, or a time.
public enum LatencyLimit: Hashable, Sendable {
    /// Of the time that the model takes as it is: 0.6 of 10 ms are 6 ms.
    case part(Double)
    /// For one sample.
    case milliseconds(Double)

    /// Milliseconds that units stand for.
    package static let units = ["us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3]

    /// The part of `whole` milliseconds that may be left.
    func share(of whole: Double) -> Double {
        switch self {
        case .part(let part): part
        case .milliseconds(let limit): limit / whole
        }
    }

    /// `60%`, `3ms`; nil for anything else.
    private init?(text: String) {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number > 0, number.isFinite else { return nil }
        let unit = String(text.dropFirst(digits.count)).trimmingSpaces
        if unit == "%" {
            self = .part(number / 100)
        } else if let factor = Self.units[unit] {
            self = .milliseconds(number * factor)
        } else {
            return nil
        }
    }
}

extension LatencyLimit: HyperparameterConvertible, CustomStringConvertible {
    public static var kind: String { "a part such as 0.6 or 60%, or a time such as 3ms" }

    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        .schema(anyOf: [.schema("number", kind, in: range), .schema("string", kind)])
    }

    public init?(_ value: HyperparameterValue) {
        if let part = value.double, part.isFinite {
            self = .part(part)
        } else if case .string(let text) = value, let limit = Self(text: text) {
            self = limit
        } else {
            return nil
        }
    }

    public var hyperparameterValue: HyperparameterValue {
        switch self {
        case .part(let part): .number(part)
        case .milliseconds(let limit): .string("\(limit.shortText)ms")
        }
    }

    public var description: String { hyperparameterValue.description }
}
