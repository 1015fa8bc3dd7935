package import WinnowGraph
import WinnowTensor

/// RMSNormalization as ONNX Runtime writes it; output 1 is 1 / √(mean of x² + epsilon).
package struct SimplifiedLayerNormalization: Decomposition {
    package static let type = OperatorType("SimplifiedLayerNormalization")
    package static let maximumInputCount = 2
    package static let maximumOutputCount = 2
    package static var typeAttributes: Set<String> { ["stash_type"] }

    package var axis: Int
    package var epsilon: Float
    private var hints = RuntimeHints()

    package init(axis: Int = -1, epsilon: Float = 1e-5) {
        self.axis = axis
        self.epsilon = epsilon
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: -1), epsilon: try attributes.float("epsilon", default: 1e-5))
        hints = try RuntimeHints(attributes, "stash_type")
    }

    package var attributes: Attributes { hints.added(to: ["axis": .int(axis), "epsilon": .float(epsilon)]) }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return [ValueInfo(data.elementType, nil), ValueInfo(.float32, nil)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .normalization(from: axis, inputs, statistics: 1) }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        try b.rootMeanSquareNormalized(inputs.required(0), scale: inputs.required(1), axis: axis, epsilon: epsilon)
    }
}

extension GraphBuilder {
    /// scale · x / √(mean of x² + epsilon) over the axes from `axis` on, and 1 / √(mean of x² + epsilon).
    func rootMeanSquareNormalized(_ x: ValueName, scale: ValueName, axis: Int, epsilon: Float) throws -> [ValueName] {
        let rank = try rank(of: x)
        let axes = Array(try axis.normalizedAxis(rank: rank)..<rank)
        let mean = try reduced(ReduceMean.self, square(x), axes: axes)
        let factor = try add(Reciprocal(), add(Sqrt(), add(mean, number: Double(epsilon))))
        return [try multiply(multiply(x, factor), scale), factor]
    }
}
