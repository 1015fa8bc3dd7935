package import WinnowGraph

/// x · sigmoid(alpha · x)
package struct QuickGelu: Decomposition {
    package static let type = OperatorType("QuickGelu", domain: "com.microsoft")
    package static let maximumInputCount = 1

    package var alpha: Float

    package init(alpha: Float = 1.702) { self.alpha = alpha }

    package init(attributes: Attributes, version: Int) throws {
        self.init(alpha: try attributes.float("alpha", default: 1.702))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        return [try b.add(Swish(alpha: alpha), x)]
    }
}
