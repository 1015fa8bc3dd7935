import WinnowGraph

extension GraphIndex {
    /// Probabilities that a node changes by a number alone, where that makes no difference to what they are.
    ///
    /// - Parameter places: which inputs may be the probabilities.
    func probabilities(
        of node: Node, at places: [Int] = [0, 1], changedBy isHarmless: (_ number: Double, Probabilities) -> Bool
    ) -> Probabilities? {
        guard node.inputs.count == 2 else { return nil }
        for place in places {
            guard let number = constantNumber(node.input(1 - place)), let own = probabilities(of: node.input(place)),
                info(of: node.input(place))?.extents == info(of: node.output(0))?.extents
            else { continue }
            return isHarmless(number, own) ? own : nil
        }
        return nil
    }

    /// What a sum of probabilities along the same axes is: an ensemble's mean but for a factor.
    func probabilitiesOfSum(_ node: Node) -> Probabilities? {
        guard let first = probabilities(of: node.input(0)), !first.areLogarithms,
            node.inputs.dropFirst().allSatisfy({ name in probabilities(of: name).map { $0.axes == first.axes && !$0.areLogarithms } ?? false }),
            node.inputs.allSatisfy({ info(of: $0)?.extents == info(of: node.output(0))?.extents })
        else { return nil }
        return Probabilities(node.inputs.count == 1 ? first.logits : nil, along: first.axes)
    }

    /// x where a value is 1 + e⁻ˣ.
    func sigmoidArgument(ofDenominator value: ValueName?) -> ValueName? {
        guard let sum = producer(of: value), sum.op is Add, let place = (0..<2).first(where: { constantNumber(sum.input($0)) == 1 }),
            let power = producer(of: sum.input(1 - place)), power.op is Exp, let negative = producer(of: power.input(0)), negative.op is Neg
        else { return nil }
        return negative.input(0)
    }
}
