package import WinnowGraph
import WinnowTensor

/// Whether an optional holds something.
package struct OptionalHasElement: ListOperator, AttributeFree {
    package static let type = OperatorType("OptionalHasElement")
    package static let maximumInputCount = 1

    package init() {}

    package var minimumVersion: Int { 15 }
    package func minimumVersion(of node: Node) -> Int { node.input(0) == nil ? 18 : 15 }

    /// Known where there is no input, or one that is no optional.
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard let info = inputs.optional(0) else { return [ValueInfo(constant: Tensor(scalar: false))] }
        return [info.type.isOptional || info.isGuess ? ValueInfo(ValueType(.bool, Shape([]))) : ValueInfo(constant: Tensor(scalar: true))]
    }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        switch inputs.first ?? nil {
        case .some(.nothing), nil: [.tensor(Tensor(scalar: false))]
        default: [.tensor(Tensor(scalar: true))]
        }
    }
}
