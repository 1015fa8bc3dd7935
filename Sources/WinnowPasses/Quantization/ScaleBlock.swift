/// The weights of a matrix that share a scale: so many outputs by so many inputs. `32` in recipes is a row of 32 inputs, `128x128` a block
/// of 128 outputs by 128 inputs, `128x1` a column.
public struct ScaleBlock: Hashable, Sendable {
    /// How many outputs side by side; 1: every output has scales of its own.
    public var outputs: Int
    /// How many inputs of each of those outputs, in a row; 0: there are no blocks.
    public var inputs: Int

    public init(outputs: Int = 1, inputs: Int) { (self.outputs, self.inputs) = (outputs, inputs) }

    private static let largest = 65_536
}

extension ScaleBlock: ExpressibleByIntegerLiteral {
    public init(integerLiteral inputs: Int) { self.init(inputs: inputs) }
}

extension ScaleBlock: CustomStringConvertible {
    public var description: String { outputs == 1 ? "\(inputs)" : "\(outputs)x\(inputs)" }
}

extension ScaleBlock: HyperparameterConvertible {
    public static var kind: String { "a whole number, or outputs x inputs such as 128x128" }

    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        .schema(anyOf: [.schema("integer", kind, in: range), .table(["type": "string", "pattern": "^[0-9]+x[0-9]+$", "description": .string(kind)])])
    }

    public init?(_ value: HyperparameterValue) {
        if let inputs = Int(value) { self.init(inputs: inputs); return }
        guard let (outputs, inputs) = value.extents(parted: "x"), max(outputs, inputs) <= Self.largest else { return nil }
        self.init(outputs: outputs, inputs: inputs)
    }

    public var hyperparameterValue: HyperparameterValue { outputs == 1 ? .int(inputs) : .string(description) }
}
