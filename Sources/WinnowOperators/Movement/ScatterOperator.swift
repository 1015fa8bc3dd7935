package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// A copy of the data whose addressed elements are replaced by, or joined with, updates: data, indices, updates.
package protocol ScatterOperator: Operator {
    var reduction: ScatterReduction { get set }
    /// What reads the elements that the indices address.
    var gathering: any Operator { get }
}

extension ScatterReduction {
    /// What the attribute says.
    init(attributes: Attributes) throws {
        let name = try attributes.string("reduction", default: "none")
        guard let reduction = ScatterReduction(rawValue: name) else {
            throw WinnowError(.model, "reduction", "\(name) is not known")
        }
        self = reduction
    }
}

extension ScatterOperator {
    package var minimumVersion: Int { [.min, .max].contains(reduction) ? 18 : reduction != .none ? 16 : 11 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(2)
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) && zeros.are(at: 2) ? .zero : .number }

    /// Sums pass it on, replaced elements pass none, extremes and products where they would change the result.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (b, g) = (context.builder, try context.outputGradient())
        let (x, indices, updates) = (try context.input(0), try context.input(1), try context.input(2))
        func gathered(_ value: ValueName) throws -> ValueName { try b.add(gathering, value, indices) }
        func scattered(_ reduction: ScatterReduction, _ data: ValueName, _ updates: ValueName) throws -> ValueName {
            var op = self
            op.reduction = reduction
            return try b.add(op, data, indices, updates)
        }
        switch reduction {
        case .none:
            let type = b.elementType(of: updates)
            let zeros = try b.add(ConstantOfShape(Tensor([0], shape: [1], as: type)), b.shape(of: updates))
            return [try scattered(.none, g, zeros), nil, try gathered(g)]
        case .add: return [g, nil, try gathered(g)]
        case .min, .max:
            let y = try context.output(0)
            return [
                try b.multiply(g, b.isEqual(x, y)), nil, try b.multiply(gathered(g), b.isEqual(updates, gathered(y))),
            ]
        case .mul:
            // The product of all other factors, counted apart from the zeros among them.
            let zero = b.scalar(0, like: x)
            func zeros(_ value: ValueName) throws -> ValueName { try b.isEqual(value, zero) }
            func others(_ value: ValueName) throws -> ValueName {
                try b.add(Where(), b.add(Equal(), value, zero), b.scalar(1, like: x), value)
            }
            let count = try scattered(.add, zeros(x), zeros(updates))
            let product = try scattered(.mul, others(x), others(updates))
            func share(_ value: ValueName, _ count: ValueName, _ product: ValueName) throws -> ValueName {
                try b.multiply(b.isEqual(count, zeros(value)), b.divide(product, others(value)))
            }
            return [
                try b.multiply(g, share(x, count, product)), nil,
                try b.multiply(gathered(g), share(updates, gathered(count), gathered(product))),
            ]
        }
    }
}
