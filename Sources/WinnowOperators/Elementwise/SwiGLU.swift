package import WinnowGraph

/// x · sigmoid(alpha · x) · gate
package struct SwiGLU: Decomposition {
    package static let type = OperatorType("SwiGLU")
    package static let maximumInputCount = 2

    package var alpha: Float

    package init(alpha: Float = 1) { self.alpha = alpha }

    package init(attributes: Attributes, version: Int) throws {
        self.init(alpha: try attributes.float("alpha", default: 1))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }
    package var minimumVersion: Int { 28 }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.multiply(b.add(Swish(alpha: alpha), inputs.required(0)), inputs.required(1))]
    }
}
