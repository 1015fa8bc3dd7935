package import WinnowGraph
import WinnowTensor

extension MatrixProduct {
    /// dA′ = alpha · dY B′ᵀ and dB′ = alpha · A′ᵀ dY, summed over broadcast batch axes.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        guard activation == nil, context.node.inputs.count <= 2, let leftRank = context.info(of: try context.input(0))?.rank,
            let rightRank = context.info(of: try context.input(1))?.rank
        else { return nil }
        let b = context.builder
        var (left, right, target) = (try context.input(0), try context.input(1), try context.outputGradient())
        if leftRank == 1 {
            left = try b.inserting(axis: 0, into: left)
            target = try b.inserting(axis: rightRank == 1 ? -1 : -2, into: target)
        }
        if rightRank == 1 {
            right = try b.inserting(axis: 1, into: right)
            target = try b.inserting(axis: -1, into: target)
        }
        let whole = MatrixProduct(
            transposesLeft: transposesLeft && leftRank > 1, transposesRight: transposesRight && rightRank > 1, alpha: alpha)
        return [
            try context.shaped(like: 0, rank: leftRank) { try whole.leftGradient(b, right, target) },
            try context.shaped(like: 1, rank: rightRank) { try whole.rightGradient(b, left, right, target) },
        ]
    }

    private func product(_ b: GraphBuilder, _ left: ValueName, _ right: ValueName, _ leftT: Bool, _ rightT: Bool) throws
        -> ValueName
    {
        try b.add(MatrixProduct(transposesLeft: leftT, transposesRight: rightT, alpha: alpha), left, right)
    }

    private func leftGradient(_ b: GraphBuilder, _ right: ValueName, _ target: ValueName) throws -> ValueName {
        transposesLeft
            ? try product(b, right, target, transposesRight, true) : try product(b, target, right, false, !transposesRight)
    }

    private func rightGradient(_ b: GraphBuilder, _ left: ValueName, _ right: ValueName, _ target: ValueName) throws -> ValueName {
        if let flat = try flatRightGradient(b, left, right, target) { return flat }
        return transposesRight
            ? try product(b, target, left, true, transposesLeft) : try product(b, left, target, !transposesLeft, false)
    }

    /// One matrix serves all batches: the batches become rows, and the sum over them part of the product.
    private func flatRightGradient(_ b: GraphBuilder, _ left: ValueName, _ right: ValueName, _ target: ValueName) throws
        -> ValueName?
    {
        guard !transposesLeft, b.info(of: right)?.rank == 2, let extents = b.info(of: left)?.extents, extents.count > 2,
            let depth = extents.last?.value, let width = b.info(of: target)?.extents?.last?.value
        else { return nil }
        let rows = try b.add(Reshape(), left, b.constant("rows", Tensor([-1, Int64(depth)])))
        let gradients = try b.add(Reshape(), target, b.constant("rows", Tensor([-1, Int64(width)])))
        return transposesRight ? try product(b, gradients, rows, true, false) : try product(b, rows, gradients, true, false)
    }
}

extension GradientContext {
    /// A gradient summed over broadcast axes, without the axis that stood in for a vector; nil if it is not asked for.
    fileprivate func shaped(like index: Int, rank: Int, _ gradient: () throws -> ValueName) throws -> ValueName? {
        guard needs(index) else { return nil }
        if rank > 1 { return try summed(to: index, gradient()) }
        // The stand-in axis of extent 1 lies first for the left vector, last for the right one.
        let value = try gradient()
        let shape = try builder.shape(of: input(index))
        let one = builder.constant("one", Tensor([Int64(1)]))
        let matrix = try builder.add(Concat(axis: 0), inputs: index == 0 ? [one, shape] : [shape, one])[0]
        return try builder.add(Reshape(), builder.add(SumToShape(), value, matrix), shape)
    }
}

extension GraphBuilder {
    /// The value with an axis of extent 1 put in.
    func inserting(axis: Int, into value: ValueName) throws -> ValueName {
        try add(Unsqueeze(), value, constant("axes", Tensor([Int64(axis)])))
    }
}
