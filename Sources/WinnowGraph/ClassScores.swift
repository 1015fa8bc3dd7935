/// What the numbers of a classifier's output (N, classes, …), or (classes, N), are, seen through what changes none of them.
package struct ClassScores: Sendable {
    package enum Form: Sendable { case logits, probabilities, logProbabilities }

    package let form: Form
    /// The value before a closing Softmax or LogSoftmax; else the output itself.
    package let logits: ValueName
    /// The nodes that give `logits` the output's shape, in order.
    package let reshapings: [Node]

    /// - Parameter samples: the output's axis that counts samples.
    package init(of output: ValueName, in graph: GraphIndex, samples: Int = 0) {
        var value = output
        var reshapings: [Node] = []
        // Of probabilities, clipping a millionth off changes nothing that matters; logarithms are below 0.
        var clips: [ClosedRange<Double>] = []
        while let node = graph.producer(of: value), node.output(0) == value, let input = node.input(0) {
            if let probabilities = node.op.probabilities(of: node, in: graph),
                Self.areClasses(probabilities.axes, of: value, output: output, in: graph, samples),
                clips.allSatisfy({ probabilities.areLogarithms ? $0.lowerBound < -80 && $0.upperBound >= 0 : $0.lowerBound <= 1e-6 && $0.upperBound >= 1 - 1e-6 })
            {
                form = probabilities.areLogarithms ? .logProbabilities : .probabilities
                logits = input
                self.reshapings = reshapings.reversed()
                return
            }
            guard let passing = node.op.passing(of: node, in: graph), passing.keepsPlaces else { break }
            value = input
            switch passing {
            case .unchanged: break
            case .reshaped: reshapings.append(node)
            case .neutral(let index): value = node.inputs[index]
            case .between(let range): clips.append(range)
            case .permuted, .converted: break
            }
        }
        form = .logits
        logits = output
        self.reshapings = []
    }

    /// Whether axes of a value are the classes of the output, which has the value's elements.
    private static func areClasses(
        _ axes: Range<Int>, of value: ValueName, output: ValueName, in graph: GraphIndex, _ samples: Int
    ) -> Bool {
        guard samples == 0 else { return axes == 0..<1 && samples == 1 && graph.info(of: value)?.rank == 2 }
        guard let own = graph.info(of: value)?.extents, let extents = graph.info(of: output)?.extents, extents.count > 1,
            axes.lowerBound > 0, axes.upperBound <= own.count
        else { return false }
        if own == extents, axes == 1..<2 { return true }
        // Everything else but the samples must be of extent 1.
        let classes = own[axes].reduce(1) { product, extent in extent.value.flatMap { value in product.map { $0 * value } } }
        return (own[1..<axes.lowerBound] + own[axes.upperBound...]).allSatisfy { $0 == .fixed(1) }
            && extents[1].value == classes && classes != nil && extents.dropFirst(2).allSatisfy { $0 == .fixed(1) }
    }
}

extension GraphBuilder {
    /// What a classifier's output would be without a closing Softmax or LogSoftmax, in the output's shape.
    package func logits(of output: ValueName, in graph: GraphIndex, samples: Int = 0) throws -> ValueName {
        let scores = ClassScores(of: output, in: graph, samples: samples)
        return try scores.reshapings.reduce(scores.logits) { value, node in
            try add(node.op, inputs: [value] + node.inputs.dropFirst().map { $0.isEmpty ? nil : $0 })[0]
        }
    }
}
