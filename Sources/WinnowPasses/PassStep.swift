import WinnowTensor

/// A pass chosen by name, as recipes list them: `fold-batch-norm`, or `{ magnitude-pruning: { sparsity: 0.8 } }`.
public struct PassStep: Sendable {
    public var pass: any Pass

    public init(_ pass: any Pass) { self.pass = pass }

    /// Throws `.recipe` for an unknown pass, naming the nearest known one.
    public init(named name: String, hyperparameters: [String: HyperparameterValue] = [:]) throws {
        let pass = try PassCatalogue.pass(named: name)
        self.pass = try WinnowError.leading(to: pass.page) { try pass.init(hyperparameters: hyperparameters) }
    }

    public var name: String { type(of: pass).name }

    /// Throws what `init(named:hyperparameters:)` throws of values that were set from Swift.
    func checkHyperparameters() throws {
        try WinnowError.leading(to: type(of: pass).page) { try pass.checkHyperparameters() }
    }

    /// Reads a name, or a table of one name and its hyperparameters.
    public init(_ value: HyperparameterValue) throws {
        switch value {
        case .string(let name): try self.init(named: name)
        case .table(let table):
            guard table.count == 1, let (name, body) = table.first else { fallthrough }
            switch body {
            case .none: try self.init(named: name)
            case .table(let values): try self.init(named: name, hyperparameters: values)
            default:
                _ = try PassCatalogue.pass(named: name)
                throw WinnowError(.recipe, name, "its hyperparameters are \(body), not a table of names and values")
            }
        default:
            throw WinnowError(.recipe, "step", "is \(value)", remedy: "write NAME, or NAME: { hyperparameter: value }")
        }
    }
}

extension PassStep: Codable {
    public init(from decoder: any Decoder) throws { try self.init(HyperparameterValue(from: decoder)) }

    public func encode(to encoder: any Encoder) throws { try hyperparameterValue.encode(to: encoder) }
}

extension PassStep: HyperparameterConvertible {
    public static var kind: String { "a pass" }
    /// Passes within others are those that train along.
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema(ofPass: "step") }
    public var hyperparameterValue: HyperparameterValue { .table([name: .table(pass.hyperparameters)]) }
    public var recipeValue: HyperparameterValue { pass.recipeValue }
}

extension PassStep: CustomStringConvertible {
    public var description: String { pass.description }
}
