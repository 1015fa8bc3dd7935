import WinnowGraph
import WinnowTensor

extension ScaledDotProduct {
    /// An edit that puts attention in the place of product, mask, softmax, guard against NaN and product; nil where there is
    /// something else around the softmax.
    static func edit(around softmax: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let source = softmax.input(0), graph.soleConsumer(of: source) != nil, let weights = softmax.output(0),
            let scores = Scores(source, in: graph), let guarded = guardedWeights(weights, in: graph),
            let last = graph.soleConsumer(of: guarded.value), last.input(0) == guarded.value, last.input(1) != guarded.value,
            let product = last.op.plainProduct, !product.transposesLeft, product.alpha == 1, last.input(2) == nil, last.input(3) == nil,
            let valueRank = graph.info(of: last.input(1))?.rank, valueRank > 1, graph.info(of: guarded.value)?.rank ?? 0 > 1
        else { return nil }
        let op = ScaledDotProduct(
            scale: scores.product.alpha, clearsBlindRows: !guarded.nodes.isEmpty,
            views: scores.views + [.matrix(rank: valueRank, isTransposed: product.transposesRight)])
        let inputs = [scores.node.inputs[0], scores.node.inputs[1], last.inputs[1]] + (scores.mask.map { [$0] } ?? [])
        return GraphEdit(
            replacing: scores.nodes + [softmax.name] + guarded.nodes + [last.name],
            with: [Node(name: last.name, op: op, inputs: inputs, outputs: last.outputs)])
    }

    /// What the weights become: themselves, or Where(IsNaN(weights), 0, weights) with the nodes for it.
    private static func guardedWeights(_ weights: ValueName, in graph: GraphIndex) -> (value: ValueName, nodes: [String])? {
        if graph.soleConsumer(of: weights) != nil { return (weights, []) }
        let readers = graph.consumers(of: weights)
        guard readers.count == 2, !graph.isOutput(weights), let test = readers.first(where: { $0.op is IsNaN }),
            let choice = readers.first(where: { $0.op is Where }), graph.soleConsumer(of: test.output(0)) != nil,
            choice.input(0) == test.output(0), choice.input(2) == weights, let zero = graph.known(choice.inputs[1]),
            zero.elementCount == 1, zero.rank <= 1, zero.elementType.isFloatingPoint, zero.doubles() == [0], let value = choice.output(0)
        else { return nil }
        return (value, [test.name, choice.name])
    }

    /// An edit that reads an operand where it comes from, instead of a transposed, cut or scaled copy.
    func readingInPlace(_ node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        for index in 0..<3 {
            guard let value = node.input(index), let producer = graph.producer(of: value) else { continue }
            var (op, inputs) = (self, node.inputs)
            if let seen = try views[index].through(producer, value, in: graph) {
                op.views[index] = seen.view
                inputs[index] = seen.source
            } else if index < 2, graph.info(of: value)?.elementType == .float32,
                let factored = producer.inputs.first(where: { graph.numericFactor(of: producer, on: $0) != nil }),
                let factor = graph.numericFactor(of: producer, on: factored)
            {
                op.scale *= factor
                inputs[index] = factored
            } else { continue }
            return GraphEdit(replacing: [node.name], with: [Node(name: node.name, op: op, inputs: inputs, outputs: node.outputs)])
        }
        return nil
    }

    /// An edit that writes the result as a following transposition orders it, and moves that before a quantization.
    func writingInPlace(_ node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard resultOrder == nil, let consumer = graph.soleConsumer(of: node.output(0)), let rank = graph.info(of: node.output(0))?.rank
        else { return nil }
        var op = self
        if let transpose = consumer.op as? Transpose {
            op.resultOrder = try transpose.order(rank: rank)
            return GraphEdit(
                replacing: [node.name, consumer.name],
                with: [Node(name: node.name, op: op, inputs: node.inputs, outputs: consumer.outputs)])
        }
        guard consumer.op is QuantizeLinear, consumer.input(0) == node.output(0),
            consumer.inputs.dropFirst().allSatisfy({ graph.info(of: $0.isEmpty ? nil : $0)?.rank ?? 0 == 0 }),
            let next = graph.soleConsumer(of: consumer.output(0)), let transpose = next.op as? Transpose
        else { return nil }
        op.resultOrder = try transpose.order(rank: rank)
        let ordered = graph.graph.freshValueName("\(node.outputs[0]).ordered")
        return GraphEdit(
            replacing: [node.name, consumer.name, next.name],
            with: [
                Node(name: node.name, op: op, inputs: node.inputs, outputs: [ordered]),
                Node(name: consumer.name, op: consumer.op, inputs: [ordered] + consumer.inputs.dropFirst(), outputs: next.outputs),
            ])
    }
}

/// The product that a softmax reads, with a mask added or not.
private struct Scores {
    var node: Node
    var product: MatrixProduct
    var mask: ValueName?
    var nodes: [String]
    /// Of Q and K.
    var views: [OperandView]

    init?(_ value: ValueName, in graph: GraphIndex) {
        guard let producer = graph.producer(of: value) else { return nil }
        nodes = [producer.name]
        node = producer
        if producer.op is Add {
            guard let position = producer.inputs.firstIndex(where: { input in
                graph.soleConsumer(of: input) != nil && graph.producer(of: input)?.op.plainProduct != nil
            }), producer.inputs.count == 2, let made = graph.producer(of: producer.inputs[position]) else { return nil }
            node = made
            mask = producer.inputs[1 - position]
            nodes.append(made.name)
        }
        let terms = [node.input(2), node.input(3)].compactMap { $0 } + (mask.map { [$0] } ?? [])
        guard let product = node.op.plainProduct, terms.count <= 1, let left = graph.info(of: node.input(0))?.rank,
            let right = graph.info(of: node.input(1))?.rank, left > 1, right > 1, terms.allSatisfy({ graph.info(of: $0)?.rank != nil })
        else { return nil }
        self.product = product
        mask = terms.first
        views = [
            .matrix(rank: left, isTransposed: product.transposesLeft), .matrix(rank: right, isTransposed: !product.transposesRight),
        ]
    }
}

extension OperandView {
    fileprivate static func matrix(rank: Int, isTransposed: Bool) -> OperandView {
        var order = Array(0..<rank)
        if isTransposed { order.swapAt(rank - 1, rank - 2) }
        return OperandView(order)
    }
}

extension Operator {
    /// The product it computes, where nothing but terms comes after.
    fileprivate var plainProduct: MatrixProduct? {
        if self is MatMul { return MatrixProduct() }
        guard let product = self as? MatrixProduct, product.activation == nil else { return nil }
        return product
    }
}
