package import WinnowGraph
import WinnowTensor

/// SimplifiedLayerNormalization of x + skip + bias; inputs x, skip, scale, bias. Output 3 is the sum.
package struct SkipSimplifiedLayerNormalization: Decomposition {
    package static let type = OperatorType("SkipSimplifiedLayerNormalization", domain: "com.microsoft")
    package static let maximumInputCount = 4
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

    /// Nothing fills output 1, the mean that there is none of, in ONNX Runtime either; here it repeats output 2.
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var sum = try b.add(inputs.required(0), inputs.required(1))
        if let bias = inputs.present(3) { sum = try b.add(sum, bias) }
        let results = try b.rootMeanSquareNormalized(sum, scale: inputs.required(2), axis: -1, epsilon: epsilon)
        return [results[0], try b.add(Identity(), results[1]), results[1], try b.add(Identity(), sum)]
    }
}
