/// How an operator hands its first input on.
package enum Passing: Sendable, Hashable {
    /// As it is: Identity, Dropout outside training, Cast to the type it has.
    case unchanged
    /// The elements in their order, in another shape: Flatten.
    case reshaped
    /// Another input than the first, or the first, with an element that changes no number: x · 1, 0 + x.
    case neutral(input: Int)
    /// Numbers between these as they are: Clip.
    case between(ClosedRange<Double>)
}

extension GraphIndex {
    /// How a node hands on elements that it only gives a shape.
    package func reshaping(of node: Node) -> Passing {
        guard let source = info(of: node.input(0)), let target = info(of: node.output(0)), !source.isGuess, !target.isGuess,
            let extents = source.extents, extents == target.extents, !extents.contains(.unknown)
        else { return .reshaped }
        return .unchanged
    }
}

/// Numbers that sum to one along some axes together, or logarithms of such.
package struct Probabilities: Sendable, Hashable {
    package var axes: Range<Int>
    package var areLogarithms: Bool

    package init(along axes: Range<Int>, areLogarithms: Bool) {
        self.axes = axes
        self.areLogarithms = areLogarithms
    }
}
