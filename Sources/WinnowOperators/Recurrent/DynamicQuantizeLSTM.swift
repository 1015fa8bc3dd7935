package import WinnowGraph
import WinnowTensor

/// An LSTM whose products run on 8-bit weights and on data quantized by its own range at each step.
///
/// Inputs as LSTM's, with weights (D, I, 4·H) and (D, H, 4·H) as codes, then scale and zero point of either.
package struct DynamicQuantizeLSTM: RecurrentOperator {
    package static let type = OperatorType("DynamicQuantizeLSTM", domain: "com.microsoft")
    package static let maximumInputCount = 12
    package static let maximumOutputCount = 3

    package var inputRoles: [Int: OperandRole] { [4: .setting, 8: .scale, 9: .zeroPoint(of: 1, axis: 0), 10: .scale, 11: .zeroPoint(of: 2, axis: 0)] }
    static let gateCount = 4
    static let stateCount = 2
    static let usualActivations = LSTM.usualActivations
    static let weightsAreTransposed = true
    static let zeroActivations = LSTM.zeroActivations
    static let readsRanges = true

    package var lstm: LSTM
    package var parameters: RecurrentParameters {
        get { lstm.parameters }
        set { lstm.parameters = newValue }
    }

    package init(_ lstm: LSTM) { self.lstm = lstm }
    package init(attributes: Attributes, version: Int) throws {
        self.init(try LSTM(attributes: attributes, version: version))
    }

    package var attributes: Attributes { lstm.attributes }
    package var minimumVersion: Int { 1 }
    package var quantization: QuantizationRule { .floatOnly }

    func products(_ b: GraphBuilder, _ inputs: [ValueName?], direction: Int) throws -> RecurrentProducts {
        func product(_ value: ValueName, _ weights: Int, _ scale: Int) throws -> ValueName {
            let codes = try b.direction(direction, of: inputs.required(weights))
            let factor = try b.direction(direction, of: inputs.required(scale))
            let zeroPoint = try inputs.present(scale + 1).map { try b.direction(direction, of: $0) }
            return try b.add(DynamicQuantizeMatMul(), value, codes, factor, zeroPoint)
        }
        return RecurrentProducts(
            project: { try product($0, 1, 8) },
            recur: { hidden, gates in
                guard gates == 0..<Self.gateCount else { throw WinnowError(.unsupported, "gates", "\(gates) alone") }
                return try product(hidden, 2, 10)
            })
    }

    func step(_ cell: RecurrentCell, _ input: ValueName, _ states: [ValueName]) throws -> [ValueName] {
        try lstm.step(cell, input, states)
    }
}
