package import WinnowGraph
import WinnowTensor

extension MatrixProduct {
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard activation == nil else { return nil }
        if let folded = try foldingAffine(of: node, in: graph) { return folded }
        if let read = readingTransposed(node, in: graph) { return read }
        guard let consumer = graph.soleConsumer(of: node.output(0)) else { return nil }
        if let factor = graph.numericFactor(of: consumer, on: node.outputs[0]), node.input(2) == nil, node.input(3) == nil,
            graph.info(of: node.output(0))?.elementType == .float32
        {
            var scaled = self
            scaled.alpha *= factor
            return GraphEdit(replacing: node, and: consumer, by: scaled, node.inputs)
        }
        if let operation = consumer.op as? any ActivationOperator, consumer.input(0) == node.output(0),
            let activation = operation.activation(of: consumer, in: graph)
        {
            var fused = self
            fused.activation = activation
            return GraphEdit(replacing: node, and: consumer, by: fused, node.inputs)
        }
        guard consumer.op is Add, let term = node.otherInput(of: consumer), node.input(3) == nil,
            let info = graph.info(of: node.output(0)), let extents = info.extents, info.elementType == .float32,
            extents == graph.info(of: consumer.output(0))?.extents
        else { return nil }
        if node.input(2) == nil, let width = extents.last?.value, (graph.info(of: node.input(1))?.rank ?? 1) > 1 {
            if graph.info(of: term)?.extents == [.fixed(width)] {
                return GraphEdit(replacing: node, and: consumer, by: self, node.inputs.padded(to: 2) + [term])
            }
            if let bias = graph.constant(term), bias.elementCount == width, bias.shape.last == width {
                let name = graph.graph.freshValueName("\(node.name).bias")
                var edit = GraphEdit(replacing: node, and: consumer, by: self, node.inputs.padded(to: 2) + [name])
                edit.initializers = [(name, bias.reshaped([width]))]
                return edit
            }
        }
        guard graph.haveSameShape(term, consumer.output(0)) else { return nil }
        return GraphEdit(replacing: node, and: consumer, by: self, node.inputs.padded(to: 3) + [term])
    }

    /// An edit after which the product reads an operand by columns where a transposition crosses its last two axes; what
    /// else the transposition does stays one, and copies whole rows.
    private func readingTransposed(_ node: Node, in graph: GraphIndex) -> GraphEdit? {
        for index in 0..<2 {
            guard let value = node.input(index), graph.soleConsumer(of: value) != nil, let producer = graph.producer(of: value),
                let transpose = producer.op as? Transpose, let source = producer.input(0), let rank = graph.info(of: source)?.rank,
                rank > 1, var order = try? transpose.order(rank: rank), order[rank - 2] > order[rank - 1]
            else { continue }
            order.swapAt(rank - 2, rank - 1)
            var product = self
            if index == 0 { product.transposesLeft.toggle() } else { product.transposesRight.toggle() }
            let isIdentity = order == order.sorted()
            var inputs = node.inputs
            inputs[index] = isIdentity ? source : graph.graph.freshValueName("\(value).rows")
            let moved = Node(name: producer.name, op: Transpose(order), inputs: [source], outputs: [inputs[index]])
            return GraphEdit(
                replacing: [node.name, producer.name],
                with: (isIdentity ? [] : [moved]) + [Node(name: node.name, op: product, inputs: inputs, outputs: node.outputs)])
        }
        return nil
    }
}
