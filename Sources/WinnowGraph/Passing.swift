/// How an operator hands its first input on.
package enum Passing: Sendable, Hashable {
    /// As it is: Identity, Dropout outside training, Cast to the type it has.
    case unchanged
    /// The elements in their order, in another shape: Flatten.
    case reshaped
    /// The axes in another order: axis i of the result is axis `order[i]`.
    case permuted(order: [Int])
    /// The numbers in another floating-point type.
    case converted
    /// Another input than the first, or the first, with an element that changes no number: x · 1, 0 + x.
    case neutral(input: Int)
    /// Numbers between these as they are, others as the nearest of these: Clip, Relu.
    case between(ClosedRange<Double>)
}

extension GraphIndex {
    /// The node that limits a value before anything reads it, as Relu and Clip do, and what it limits it to.
    package func limitation(of value: ValueName?) -> (node: Node, limits: ClosedRange<Double>)? {
        guard let reader = soleConsumer(of: value), reader.input(0) == value, case .between(let limits)? = reader.op.passing(of: reader, in: self)
        else { return nil }
        return (reader, limits)
    }

    /// A value, or what limits it. Quantizing behind that spends no codes on what is cut off.
    package func limited(_ value: ValueName) -> ValueName { limitation(of: value)?.node.output(0) ?? value }

    /// How a node hands on elements that it only gives a shape.
    package func reshaping(of node: Node) -> Passing {
        guard let source = info(of: node.input(0)), let target = info(of: node.output(0)), !source.isGuess, !target.isGuess,
            let extents = source.extents, extents == target.extents, !extents.contains(.unknown)
        else { return .reshaped }
        return .unchanged
    }
}
