package import WinnowGraph
import WinnowTensor

/// LayerNormalization of x + skip + bias; inputs x, skip, scale, shift, bias. Output 3 is the sum.
package struct SkipLayerNormalization: Decomposition {
    package static let type = OperatorType("SkipLayerNormalization", domain: "com.microsoft")
    package static let maximumInputCount = 5
    package static let maximumOutputCount = 4

    package var epsilon: Float

    package init(epsilon: Float = 1e-12) { self.epsilon = epsilon }

    package init(attributes: Attributes, version: Int) throws {
        self.init(epsilon: try attributes.float("epsilon", default: 1e-12))
    }

    package var attributes: Attributes { ["epsilon": .float(epsilon)] }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        let statistic = ValueInfo(.float32, data.extents.map { $0.dropLast() + [1] })
        return [ValueInfo(data.type), statistic, statistic, ValueInfo(data.type)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var sum = try b.add(inputs.required(0), inputs.required(1))
        if let bias = inputs.present(4) { sum = try b.add(sum, bias) }
        let op = LayerNormalization(axis: -1, epsilon: epsilon)
        let results = try b.add(op, inputs: [sum, inputs.required(2), inputs.present(3)], outputs: 3)
        return results + [try b.add(Identity(), sum)]
    }
}
