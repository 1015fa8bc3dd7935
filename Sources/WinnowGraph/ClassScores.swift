/// What the numbers of a classifier's output (N, classes, …), or (classes, N), are, seen through what changes none of them.
package struct ClassScores: Sendable {
    package enum Form: Sendable { case logits, probabilities, logProbabilities }

    package let form: Form
    /// The value before a closing Softmax or LogSoftmax; else what is handed on to be the output.
    package let logits: ValueName
    /// Whether `logits` are probabilities that no softmax gives directly.
    package let needsLogarithm: Bool
    /// The nodes that give `logits` the output's shape, in order.
    package let reshapings: [Node]

    /// - Parameters:
    ///   - samples: the output's axis that counts samples.
    ///   - classes: its axis of classes; nil: the first other one.
    package init(of output: ValueName, in graph: GraphIndex, samples: Int = 0, classes: Int? = nil) {
        var value = output
        var reshapings: [Node] = []
        var clips: [ClosedRange<Double>] = []
        var place = ClassAxis(samples: samples, rank: graph.info(of: output)?.rank, classes: classes)
        while let node = graph.producer(of: value), node.output(0) == value, let input = node.input(0) {
            if let probabilities = node.op.probabilities(of: node, in: graph),
                place.isAlong(probabilities.axes, of: value, output: output, in: graph),
                clips.allSatisfy({ probabilities.survive($0) })
            {
                form = probabilities.areLogarithms ? .logProbabilities : .probabilities
                logits = probabilities.logits ?? value
                needsLogarithm = probabilities.logits == nil && !probabilities.areLogarithms
                self.reshapings = reshapings.reversed()
                return
            }
            guard let passing = node.op.passing(of: node, in: graph), place.follow(passing) else { break }
            value = input
            switch passing {
            case .unchanged: break
            case .reshaped, .permuted, .converted: reshapings.append(node)
            case .neutral(let index): value = node.inputs[index]
            case .between(let range): clips.append(range)
            }
        }
        // In whatever shapes they were computed.
        let axis = classes ?? (samples == 0 ? 1 : 0)
        let whole = graph.probabilities(of: output).flatMap { $0.axes == axis..<(axis + 1) ? $0 : nil }
        form = whole.map { $0.areLogarithms ? .logProbabilities : .probabilities } ?? .logits
        logits = output
        needsLogarithm = form == .probabilities
        self.reshapings = []
    }
}

/// Where the classes of an output lie in the values it is made from, followed backwards.
private struct ClassAxis {
    private enum Place {
        /// The axis of the classes.
        case axis(Int)
        /// The elements in the output's order, in any shape.
        case order
    }

    private let samples: Int
    /// The output's own axis of classes, where samples lie along the first.
    private let classes: Int
    private var place: Place
    private var isPermuted = false

    /// (N, classes, …), or (classes, N) where axis 1 counts samples, unless `classes` says otherwise.
    init(samples: Int, rank: Int?, classes: Int?) {
        self.samples = samples
        self.classes = classes ?? 1
        place = (classes ?? (samples == 0 ? 1 : samples == 1 && rank == 2 ? 0 : nil)).map { .axis($0) } ?? .order
    }

    /// Goes on to what was handed on so; false where the classes are lost.
    mutating func follow(_ passing: Passing) -> Bool {
        switch passing {
        case .unchanged, .converted, .neutral, .between: return true
        case .reshaped:
            guard !isPermuted else { return false }
            place = .order
            return true
        case .permuted(let order):
            guard case .axis(let axis) = place, order.indices.contains(axis) else { return false }
            place = .axis(order[axis])
            isPermuted = true
            return true
        }
    }

    /// Whether axes of a value, which has the output's elements, are the classes.
    func isAlong(_ axes: Range<Int>, of value: ValueName, output: ValueName, in graph: GraphIndex) -> Bool {
        if case .axis(let axis) = place, axes == axis..<(axis + 1) { return true }
        guard samples == 0, !isPermuted, let own = graph.info(of: value)?.extents, let extents = graph.info(of: output)?.extents,
            extents.count > 1, axes.lowerBound > 0, axes.upperBound <= own.count
        else { return false }
        if own == extents, axes == classes..<(classes + 1) { return true }
        guard classes == 1 else { return false }
        // Everything else but the samples must be of extent 1.
        let classes = own[axes].reduce(1) { product, extent in extent.value.flatMap { value in product.map { $0 * value } } }
        return (own[1..<axes.lowerBound] + own[axes.upperBound...]).allSatisfy { $0 == .fixed(1) }
            && extents[1].value == classes && classes != nil && extents.dropFirst(2).allSatisfy { $0 == .fixed(1) }
    }
}
