package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gated recurrent unit (Cho et al. 2014): gates update, reset and hidden, in this order.
package struct GRU: RecurrentOperator {
    package static let type = OperatorType("GRU")
    package static let maximumInputCount = 6
    package static let maximumOutputCount = 2
    static let gateCount = 3
    static let stateCount = 1
    static let usualActivations = ["Sigmoid", "Tanh"]
    static let zeroActivations = [1]

    package var parameters: RecurrentParameters
    /// Whether the reset gate is applied after the recurrent product rather than before.
    package var resetsAfterProduct: Bool

    package init(_ parameters: RecurrentParameters, resetsAfterProduct: Bool = false) {
        self.parameters = parameters
        self.resetsAfterProduct = resetsAfterProduct
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try RecurrentParameters(attributes: attributes),
            resetsAfterProduct: try attributes.flag("linear_before_reset", default: false))
    }

    package var attributes: Attributes {
        var attributes = parameters.attributes
        if resetsAfterProduct { attributes["linear_before_reset"] = .int(1) }
        return attributes
    }

    var addsBiasesTogether: Bool { !resetsAfterProduct }

    var cellKind: RecurrentCellKernel.Cell? { .gru(resetsAfterProduct: resetsAfterProduct) }

    func step(_ cell: RecurrentCell, _ input: ValueName, _ states: [ValueName]) throws -> [ValueName] {
        let (b, hidden) = (cell.builder, states[0])
        var gates = try b.add(cell.gates(input, 0..<2, axis: 1), cell.recur(hidden, 0..<2))
        if let bias = cell.recurrentBias { gates = try b.add(gates, cell.gates(bias, 0..<2, axis: 0)) }
        let active = try cell.activate(0, gates)
        let (update, reset) = (try cell.gates(active, 0..<1, axis: 1), try cell.gates(active, 1..<2, axis: 1))
        var recurrent: ValueName
        if resetsAfterProduct {
            recurrent = try cell.recur(hidden, 2..<3)
            if let bias = cell.recurrentBias { recurrent = try b.add(recurrent, cell.gates(bias, 2..<3, axis: 0)) }
            recurrent = try b.multiply(reset, recurrent)
        } else {
            recurrent = try cell.recur(b.multiply(reset, hidden), 2..<3)
        }
        let candidate = try cell.activate(1, b.add(cell.gates(input, 2..<3, axis: 1), recurrent))
        // (1 − z)·n + z·h
        return [try b.add(candidate, b.multiply(update, b.subtract(hidden, candidate)))]
    }
}
