package import WinnowGraph

/// Makes scale or zero point of a value of parameters that are trained along with the weights.
package protocol LearnedEncoding: Operator {
    /// Those whose gradients follow from how the value is rounded, beside the scale: an offset, or the ends of the range.
    func learned(by node: Node) -> [ValueName]
}
