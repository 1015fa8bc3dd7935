import WinnowGraph

extension GradientContext {
    /// The gradients where each output element is the operand it equals: equal operands each take all of it.
    func gradientsOfSelection() throws -> [ValueName?] {
        let (y, g) = (try output(0), try outputGradient())
        return try node.inputs.indices.map { index in
            try summed(to: index, builder.add(Where(), builder.add(Equal(), input(index), y), g, builder.scalar(0, like: g)))
        }
    }
}
