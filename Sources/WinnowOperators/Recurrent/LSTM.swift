package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Long short-term memory (Hochreiter and Schmidhuber 1997): gates input, output, forget and cell, in this order.
package struct LSTM: RecurrentOperator {
    package static let type = OperatorType("LSTM")
    package static let maximumInputCount = 8
    package static let maximumOutputCount = 3
    static let gateCount = 4
    static let stateCount = 2
    static let usualActivations = ["Sigmoid", "Tanh", "Tanh"]
    static let zeroActivations = [1, 2]

    package var parameters: RecurrentParameters
    /// Whether the forget gate is one minus the input gate.
    package var couplesForget: Bool

    package init(_ parameters: RecurrentParameters, couplesForget: Bool = false) {
        self.parameters = parameters
        self.couplesForget = couplesForget
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try RecurrentParameters(attributes: attributes),
            couplesForget: try attributes.flag("input_forget", default: false))
    }

    package var attributes: Attributes {
        var attributes = parameters.attributes
        if couplesForget { attributes["input_forget"] = .int(1) }
        return attributes
    }

    var cellKind: RecurrentCellKernel.Cell? { couplesForget ? nil : .lstm }

    func step(_ cell: RecurrentCell, _ input: ValueName, _ states: [ValueName]) throws -> [ValueName] {
        let (b, memory) = (cell.builder, states[1])
        let gates = try b.add(input, cell.recur(states[0], 0..<4))
        /// A gate with what its peephole (input, output, forget) sees of a cell state.
        func gate(_ index: Int, seeing state: ValueName) throws -> ValueName {
            let own = try cell.gates(gates, index..<(index + 1), axis: 1)
            guard let peepholes = cell.peepholes else { return own }
            return try b.add(own, b.multiply(cell.gates(peepholes, index..<(index + 1), axis: 0), state))
        }
        let admitted = try cell.activate(0, gate(0, seeing: memory))
        let kept = try couplesForget
            ? b.subtract(b.scalar(1, like: admitted), admitted) : cell.activate(0, gate(2, seeing: memory))
        let candidate = try cell.activate(1, cell.gates(gates, 3..<4, axis: 1))
        let next = try b.add(b.multiply(kept, memory), b.multiply(admitted, candidate))
        let shown = try cell.activate(0, gate(1, seeing: next))
        return [try b.multiply(shown, cell.applied(2, to: next)), next]
    }
}
