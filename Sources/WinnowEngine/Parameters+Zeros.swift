package import WinnowGraph
import WinnowTensor

extension Graph {
    /// Elements of what is computed to count its zeros: more are not worth it.
    private static let largestCount = 1 << 27

    /// How many of a parameter's numbers are zero as the model computes with them: where a mask is 0, a code is the zero point,
    /// or a palette's number is 0.
    package func zeroCount(of entry: Parameters.Entry, in index: GraphIndex) -> Int {
        guard let tensor = initializers[entry.tensor] else { return 0 }
        if entry.operand == entry.tensor {
            if case .packed(let codes)? = entry.reader.op.inputRoles[entry.input], tensor.elementType.bitWidth == 8 {
                return zeroPoint(of: entry.input, at: entry.reader) == nil ? codes.middleCount(in: tensor.codeBytes) : 0
            }
            return codeZeroCount(of: tensor, read: entry.input, by: entry.reader)
        }
        guard let producer = index.producer(of: entry.operand) else { return tensor.zeroCount }
        if producer.input(0) == entry.tensor {
            if producer.notes.isMask, let mask = producer.input(1).flatMap({ initializers[$0] }), mask.shape == tensor.shape {
                return tensor.zeroCount(under: mask)
            }
            if case .scale? = producer.op.inputRoles[1] { return codeZeroCount(of: tensor, read: 0, by: producer) }
        }
        return index.constantValue(of: entry.operand, limit: Self.largestCount)?.zeroCount ?? tensor.zeroCount
    }

    /// Zero numbers and all numbers of the weights, those of bodies included.
    package var weightSparsity: (zeroCount: Int, elementCount: Int) {
        let index = GraphIndex(self)
        var sum = Parameters(self).weights.reduce(into: (zeroCount: 0, elementCount: 0)) { sum, entry in
            sum.zeroCount += zeroCount(of: entry, in: index)
            sum.elementCount += entry.elementCount
        }
        for body in nodes.flatMap({ $0.op.bodies.values }) {
            let own = body.weightSparsity
            sum = (sum.zeroCount + own.zeroCount, sum.elementCount + own.elementCount)
        }
        return sum
    }

    private func zeroPoint(of input: Int, at node: Node) -> (tensor: Tensor?, axis: Int)? {
        for (place, role) in node.op.inputRoles {
            if case .zeroPoint(let other, let axis) = role, other == input, let name = node.input(place) { return (initializers[name], axis) }
        }
        return nil
    }

    private func codeZeroCount(of tensor: Tensor, read input: Int, by node: Node) -> Int {
        guard let (points, axis) = zeroPoint(of: input, at: node), let points else { return tensor.zeroCount }
        return tensor.zeroCount(lessZeroPoints: points, axis: axis)
    }
}

extension Tensor {
    /// Elements that are zero or under a zero of a mask of the same shape.
    fileprivate func zeroCount(under mask: Tensor) -> Int {
        var count = 0
        for piece in pieces {
            let (own, kept) = (doubles(in: piece), mask.doubles(in: piece))
            for index in own.indices where own[index] == 0 || kept[index] == 0 { count += 1 }
        }
        return count
    }

    /// Codes that equal their zero point: one for all, one an index of `axis`, or one a block along it.
    fileprivate func zeroCount(lessZeroPoints points: Tensor, axis: Int) -> Int {
        let values = points.doubles()
        if values.allSatisfy({ $0 == 0 }) { return zeroCount }
        guard rank > 0, let axis = shape.axis(axis) else { return 0 }
        let isBlocked = points.rank == rank && rank > 1
        let blocks = isBlocked ? points.shape[axis] : values.count
        guard values.count == 1 || isBlocked || values.count == shape[axis] else { return 0 }
        let layout = ScaleLayout(
            axis: values.count == 1 ? nil : axis, blockSize: isBlocked ? (shape[axis] + blocks - 1) / max(1, blocks) : 0, of: shape)
        guard layout.scaleCount <= values.count else { return 0 }
        var count = 0
        for piece in pieces {
            let codes = doubles(in: piece)
            layout.forEachRun(in: piece) { run, place in
                for element in run where codes[element - piece.lowerBound] == values[place + layout.scaleStep * (element - run.lowerBound)] {
                    count += 1
                }
            }
        }
        return count
    }

    fileprivate var codeBytes: [UInt8] { withUnsafeBytes { Array($0) } }
}
