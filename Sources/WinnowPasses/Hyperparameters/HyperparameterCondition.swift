/// What others must be for a hyperparameter to count. Where it would not, it is refused rather than ignored.
public enum HyperparameterCondition: Sendable {
    /// Another has one of these values, as texts.
    case with(String, [String])
    /// One of these is given: neither none nor empty.
    case given([String])
    /// Another is not given.
    case absent(String)

    /// The hyperparameters that it asks for.
    package var names: [String] {
        switch self {
        case .with(let name, _), .absent(let name): [name]
        case .given(let names): names
        }
    }

    /// What stands against it among the values of all hyperparameters, and what to do.
    func objection(in values: [String: HyperparameterValue]) -> (words: String, remedy: String)? {
        switch self {
        case .with(let name, let allowed):
            let own = values[name]?.description ?? "none"
            guard !allowed.contains(own) else { return nil }
            let choices = allowed.map { "\(name): \($0)" }.joined(separator: " or ")
            return ("counts only with \(choices), and \(name) is \(own)", "add \(choices), or leave it out")
        case .given(let names):
            guard names.allSatisfy({ values[$0]?.isGiven != true }) else { return nil }
            let choices = names.joined(separator: " or ")
            return ("counts only with \(choices), which is not given", "add \(choices), or leave it out")
        case .absent(let name):
            guard let other = values[name], other.isGiven else { return nil }
            return ("does not count with \(name): \(other)", "leave one of them out")
        }
    }
}

extension HyperparameterValue {
    fileprivate var isGiven: Bool {
        switch self {
        case .none: false
        case .string(let text): !text.isEmpty
        case .list(let values): !values.isEmpty
        case .table(let values): !values.isEmpty
        case .bool, .int, .number: true
        }
    }
}
