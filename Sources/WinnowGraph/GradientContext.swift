import WinnowTensor

/// What an operator's `gradient` works with: the node's values, the gradients of its outputs, and a builder to emit into.
package struct GradientContext {
    package let builder: GraphBuilder
    package let node: Node
    /// The gradient of each output; nil where nothing depends on it.
    package let outputGradients: [ValueName?]
    /// Whether the gradient of each input is asked for.
    package let isNeeded: [Bool]

    package init(builder: GraphBuilder, node: Node, outputGradients: [ValueName?], isNeeded: [Bool]) {
        self.builder = builder
        self.node = node
        self.outputGradients = outputGradients
        self.isNeeded = isNeeded
    }

    /// The gradient of output 0, which is there whenever `gradient` is called for a node with one output.
    package func outputGradient() throws -> ValueName {
        guard let gradient = outputGradients.first ?? nil else {
            throw WinnowError(.unsupported, "node \(node.name) (\(node.op.type))", "only its first output can be differentiated")
        }
        return gradient
    }

    package func input(_ index: Int) throws -> ValueName {
        guard let name = node.input(index) else {
            throw WinnowError(.model, "node \(node.name) (\(node.op.type))", "input \(index) is missing")
        }
        return name
    }

    package func output(_ index: Int) throws -> ValueName {
        guard let name = node.output(index) else {
            throw WinnowError(.model, "node \(node.name) (\(node.op.type))", "output \(index) is missing")
        }
        return name
    }

    package func needs(_ index: Int) -> Bool { index < isNeeded.count && isNeeded[index] }
    package func info(of value: ValueName) -> ValueInfo? { builder.info(of: value) }
}
