import WinnowGraph
import WinnowTensor

/// Exporters spell activations out: Swish as x · Sigmoid(x), HardSwish as x · Clip(x + 3, 0, 6) / 6, Gelu by Erf or Tanh.
extension GraphIndex {
    /// An edit that puts one operator in the place of an activation whose last product or quotient is `node`.
    func spelledActivation(endingIn node: Node) -> GraphEdit? {
        guard let output = node.output(0), info(of: output)?.elementType == .float32 else { return nil }
        let product = product(output)
        guard product.factors.count == 2 else { return nil }
        for (x, gate) in [(product.factors[0], product.factors[1]), (product.factors[1], product.factors[0])] {
            guard let extents = info(of: x)?.extents, extents == info(of: output)?.extents,
                let op = activation(x, gate, product.scale)
            else { continue }
            return GraphEdit(
                replacing: [node.name], with: [Node(name: node.name, op: op, inputs: [x], outputs: [output])])
        }
        return nil
    }

    /// The same while weights are trained, which only numbers without axes are not.
    func trainedActivation(endingIn node: Node) -> GraphEdit? {
        // What is none with all numbers known is none with fewer.
        guard spelledActivation(endingIn: node) != nil else { return nil }
        let weights = graph.initializerNames.filter { graph.initializers[$0]?.rank != 0 }
        return GraphIndex(graph, variables: Set(weights)).spelledActivation(endingIn: node)
    }

    /// The operator that computes scale · x · gate.
    private func activation(_ x: ValueName, _ gate: ValueName, _ scale: Double) -> (any Operator)? {
        guard let node = soleProducer(of: gate) else { return nil }
        switch node.op {
        case is Sigmoid where scale.isNear(1):
            return multiple(node.input(0), of: x).map { Swish(alpha: Float($0)) }
        case let hard as HardSigmoid:
            return scale.isNear(1) && Double(hard.alpha).isNear(1 / 6) && hard.beta == 0.5 && node.input(0) == x ? HardSwish() : nil
        case let clip as Clip:
            guard scale.isNear(1 / 6), case .clip(low: 0, high: 6) = clip.activation(of: node, in: self),
                term(node.input(0), besides: x) == 3
            else { return nil }
            return HardSwish()
        case is Add:
            guard scale.isNear(0.5),
                let inner = node.inputs.compactMap({ soleProducer(of: $0) }).first(where: { $0.op is Erf || $0.op is Tanh }),
                term(gate, besides: inner.output(0)) == 1
            else { return nil }
            if inner.op is Tanh { return isTanhArgument(inner.input(0), of: x) ? Gelu(usesTanh: true) : nil }
            return multiple(inner.input(0), of: x)?.isNear(0.5.squareRoot()) == true ? Gelu() : nil
        default: return nil
        }
    }

    /// Whether `value` is √(2/π) · (x + 0.044715 · x³).
    private func isTanhArgument(_ value: ValueName?, of x: ValueName) -> Bool {
        guard let value else { return false }
        let product = product(value)
        guard product.factors.count == 1, product.scale.isNear((2 / Double.pi).squareRoot()),
            let sum = soleProducer(of: product.factors[0]), sum.op is Add, sum.inputs.contains(x)
        else { return false }
        let cube = self.product(sum.inputs[sum.inputs[0] == x ? 1 : 0])
        return cube.factors == [x, x, x] && cube.scale.isNear(0.044715)
    }

    /// The node that computes a value only one node reads.
    private func soleProducer(of value: ValueName) -> Node? { soleConsumer(of: value) == nil ? nil : producer(of: value) }

    private func scalar(_ value: ValueName?) -> Double? {
        guard let tensor = value.flatMap({ known($0) }), tensor.elementCount == 1,
            tensor.elementType == .float32
        else { return nil }
        return Double(tensor.floats()[0])
    }

    /// c where `value` is c · x, or x itself.
    private func multiple(_ value: ValueName?, of x: ValueName) -> Double? {
        guard let value else { return nil }
        if value == x { return 1 }
        let product = product(value)
        return product.factors == [x] ? product.scale : nil
    }

    /// c where `value` is x + c.
    private func term(_ value: ValueName?, besides x: ValueName?) -> Double? {
        guard let value, let x, let node = producer(of: value), node.op is Add, node.inputs.contains(x) else { return nil }
        return scalar(node.inputs[0] == x ? node.inputs[1] : node.inputs[0])
    }

    /// Longer products spell nothing.
    private static let largestProductCount = 64

    /// A value as a product of others and a number, as far as its partial products are read by nobody else.
    private func product(_ value: ValueName) -> (factors: [ValueName], scale: Double) {
        var (factors, scale) = ([ValueName](), 1.0)
        var (waiting, count) = ([value], 0)
        while let next = waiting.popLast() {
            if let number = scalar(next) { scale *= number; continue }
            let maker = next == value ? producer(of: next) : soleProducer(of: next)
            guard factors.count < 3, count < Self.largestProductCount, let node = maker, node.inputs.count == 2 else {
                factors.append(next)
                continue
            }
            count += 1
            if node.op is Mul {
                waiting += node.inputs.reversed()
            } else if node.op is Div, let divisor = scalar(node.inputs[1]), divisor != 0 {
                scale /= divisor
                waiting.append(node.inputs[0])
            } else {
                factors.append(next)
            }
        }
        return (factors, scale)
    }
}

extension Double {
    /// Whether it is the number up to the rounding of float32.
    fileprivate func isNear(_ number: Double) -> Bool { abs(self - number) <= 1e-6 * abs(number) }
}
