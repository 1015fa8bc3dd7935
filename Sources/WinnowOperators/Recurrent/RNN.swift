package import WinnowGraph
import WinnowKernels

/// The simple recurrent layer: h = f(W·x + R·h + b).
package struct RNN: RecurrentOperator {
    package static let type = OperatorType("RNN")
    package static let maximumInputCount = 6
    package static let maximumOutputCount = 2
    static let gateCount = 1
    static let stateCount = 1
    static let usualActivations = ["Tanh"]
    static let zeroActivations = [0]

    package var parameters: RecurrentParameters

    package init(_ parameters: RecurrentParameters) { self.parameters = parameters }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try RecurrentParameters(attributes: attributes))
    }

    package var attributes: Attributes { parameters.attributes }

    var cellKind: RecurrentCellKernel.Cell? { .plain }

    func step(_ cell: RecurrentCell, _ input: ValueName, _ states: [ValueName]) throws -> [ValueName] {
        [try cell.activate(0, cell.builder.add(input, cell.recur(states[0], 0..<1)))]
    }
}
