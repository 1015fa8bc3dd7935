package import WinnowGraph
import WinnowTensor

/// scale · x / √(mean of x² + epsilon) over the axes from `axis` on (Zhang and Sennrich 2019).
package struct RMSNormalization: Decomposition {
    package static let type = OperatorType("RMSNormalization")
    package static let maximumInputCount = 2
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
    package var minimumVersion: Int { 23 }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .normalization(from: axis, inputs) }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.rootMeanSquareNormalized(inputs.required(0), scale: inputs.required(1), axis: axis, epsilon: epsilon)[0]]
    }
}
