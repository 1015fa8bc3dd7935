import WinnowTensor

/// Numbers that, divided by their sum along some axes together, are probabilities, or logarithms of such.
package struct Probabilities: Sendable, Hashable {
    package var axes: Range<Int>
    package var areLogarithms: Bool
    /// The value, of the same shape and type, whose softmax they are, or its logarithm; nil: there is none.
    package var logits: ValueName?

    package init(_ logits: ValueName?, along axes: Range<Int>, areLogarithms: Bool = false) {
        self.logits = logits
        self.axes = axes
        self.areLogarithms = areLogarithms
    }

    /// Whether numbers cut to a range stay what they are: a millionth matters to no probability, and logarithms are below 0.
    package func survive(_ range: ClosedRange<Double>) -> Bool {
        areLogarithms ? range.lowerBound < -80 && range.upperBound >= 0 : range.lowerBound <= 1e-6 && range.upperBound >= 1 - 1e-6
    }
}

extension GraphIndex {
    /// The probabilities that a value is, however it was handed on.
    package func probabilities(of value: ValueName?) -> Probabilities? {
        remembered(value, in: knownProbabilities) { probabilities(madeBy: $0) } ?? nil
    }

    private func probabilities(madeBy node: Node) -> Probabilities? {
        if let own = node.op.probabilities(of: node, in: self) { return own }
        guard let passing = node.op.passing(of: node, in: self) else { return nil }
        switch passing {
        case .unchanged: return probabilities(of: node.input(0))
        case .converted: return probabilities(of: node.input(0)).map { Probabilities(nil, along: $0.axes, areLogarithms: $0.areLogarithms) }
        case .neutral(let index): return probabilities(of: node.inputs[index])
        case .between(let range): return probabilities(of: node.input(0)).flatMap { $0.survive(range) ? $0 : nil }
        case .permuted(let order):
            guard let inner = probabilities(of: node.input(0)), inner.axes.count == 1, let axis = order.firstIndex(of: inner.axes.lowerBound)
            else { return nil }
            return Probabilities(nil, along: axis..<(axis + 1), areLogarithms: inner.areLogarithms)
        case .reshaped:
            // Only axes of extent 1 may come and go.
            guard let inner = probabilities(of: node.input(0)), inner.axes.count == 1, let source = info(of: node.input(0))?.extents,
                let target = info(of: node.output(0))?.extents
            else { return nil }
            let (before, after) = (source.indices.filter { source[$0] != 1 }, target.indices.filter { target[$0] != 1 })
            guard before.map({ source[$0] }) == after.map({ target[$0] }), !source.contains(.unknown),
                let place = before.firstIndex(of: inner.axes.lowerBound)
            else { return nil }
            return Probabilities(nil, along: after[place]..<(after[place] + 1), areLogarithms: inner.areLogarithms)
        }
    }

    /// The only number of a constant; nil where it has several, or is none.
    package func constantNumber(_ value: ValueName?) -> Double? {
        guard let tensor = constant(value), tensor.elementCount == 1 else { return nil }
        return tensor.doubles()[0]
    }

    /// Whether every number of a value lies between 0 and 1 by what computes it.
    package func liesInUnitInterval(_ value: ValueName?) -> Bool {
        remembered(value, in: knownUnitIntervals) { givesUnitInterval($0) } ?? false
    }

    private func givesUnitInterval(_ node: Node) -> Bool {
        if let bounds = node.op.outputBounds { return bounds.lowerBound >= 0 && bounds.upperBound <= 1 }
        if node.op.combinesUnitIntervals { return node.inputs.allSatisfy { liesInUnitInterval($0) } }
        if node.op.sigmoid(of: node, in: self) != nil { return true }
        switch node.op.passing(of: node, in: self) {
        case .between(let range): return range.lowerBound >= 0 && range.upperBound <= 1 || liesInUnitInterval(node.input(0))
        case .neutral(let index): return liesInUnitInterval(node.inputs[index])
        case .unchanged, .reshaped, .permuted, .converted: return liesInUnitInterval(node.input(0))
        case nil: return node.op.quantization == .keepsScale && liesInUnitInterval(node.input(0))
        }
    }
}
