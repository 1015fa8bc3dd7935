import WinnowGraph
import WinnowKernels
import WinnowTensor

/// How the matrices of an operand lie in a value: which of its axes are the batch axes, the rows and the columns, in this
/// order, and at which index each other axis is read.
package struct OperandView: Hashable, Sendable {
    /// nil: all axes as they come.
    package var order: [Int]?
    /// Axis: index.
    package var fixed: [Int: Int]

    package init(_ order: [Int]? = nil, fixed: [Int: Int] = [:]) {
        self.order = order
        self.fixed = fixed
    }

    init(attributes: Attributes, _ name: String) throws {
        let pairs = try attributes.ints("\(name)_fixed") ?? []
        let fixed = stride(from: 0, to: pairs.count - pairs.count % 2, by: 2).map { (pairs[$0], pairs[$0 + 1]) }
        self.init(try attributes.ints("\(name)_axes"), fixed: Dictionary(fixed, uniquingKeysWith: { first, _ in first }))
    }

    func add(to attributes: inout Attributes, _ name: String) {
        if let order { attributes["\(name)_axes"] = .ints(order) }
        if !fixed.isEmpty {
            attributes["\(name)_fixed"] = .ints(fixed.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
        }
    }

    /// The axes of a value of `rank` axes; throws unless every one of them is in order or fixed.
    func axes(rank: Int) throws -> [Int] {
        let order = order ?? Array(0..<rank)
        guard (order + fixed.keys).sorted() == Array(0..<rank), order.count >= 2 else {
            throw WinnowError(.model, "axes", "\(order) and \(fixed.keys.sorted()) do not order \(rank) axes")
        }
        return order
    }

    /// The batch extents, rows and columns; nil where the rank is unknown.
    func extents(of info: ValueInfo) throws -> [Extent]? {
        guard let extents = info.extents else { return nil }
        for (axis, index) in fixed {
            guard extents.indices.contains(axis), index >= 0, index < extents[axis].value ?? .max else {
                throw WinnowError(.model, "axes", "there is no index \(index) of axis \(axis) in \(info.type)")
            }
        }
        return try axes(rank: extents.count).map { extents[$0] }
    }

    /// Where the matrices lie in a dense value of `shape`; an axis of extent 1 serves all of `batch`.
    func places(in shape: Shape, batch: Shape, rows: Int) throws -> MatrixPlaces {
        let order = try axes(rank: shape.rank)
        let strides = shape.strides
        let steps = order.map { shape[$0] == 1 ? 0 : strides[$0] }
        let missing = batch.rank + 2 - order.count
        return MatrixPlaces(
            rows: rows, columns: shape[order[order.count - 1]], offset: fixed.reduce(0) { $0 + strides[$1.key] * $1.value },
            batchStrides: [Int](repeating: 0, count: missing) + steps.dropLast(2),
            rowStride: rows == 1 ? strides[order[order.count - 2]] : steps[order.count - 2], columnStride: strides[order[order.count - 1]])
    }

    /// The label of each axis, given those of batch axes, rows and columns; nil stands for an opaque axis.
    func terms(rank: Int, _ labels: [Character?], _ extents: [Extent]) throws -> [AxisTerm] {
        var terms = [AxisTerm](repeating: .opaque, count: rank)
        for (axis, label) in zip(try axes(rank: rank), labels.suffix(rank - fixed.count)) {
            if let label { terms[axis] = extents[axis] == .fixed(1) ? .one : .label(label) }
        }
        return terms
    }
}

extension OperandView {
    /// The same operand seen through the node that makes the value: the view of what a node reads that only moves axes; nil
    /// for other nodes.
    func through(_ producer: Node, _ value: ValueName, in graph: GraphIndex) throws -> (view: OperandView, source: ValueName)? {
        if producer.op is Reshape { return throughFoldedTransposition(producer, value, in: graph) }
        guard let name = producer.input(0), let source = graph.info(of: name), let rank = source.rank, let own = graph.info(of: value)?.rank,
            var axes = try? axes(rank: own)
        else { return nil }
        var fixed = fixed
        switch producer.op {
        case let transpose as Transpose:
            let moved = try transpose.order(rank: rank)
            axes = axes.map { moved[$0] }
            fixed = Dictionary(uniqueKeysWithValues: fixed.map { (moved[$0.key], $0.value) })
        case let squeeze as Squeeze:
            guard let removed = try squeeze.removedAxes(producer.inputs.map { graph.info(of: $0.isEmpty ? nil : $0) }) else { return nil }
            insert(removed.sorted().map { ($0, 0) }, &axes, &fixed)
        case let gather as Gather:
            guard let index = graph.known(producer.inputs[1]), index.rank == 0, let first = index.integers().first,
                let extent = source.extents?[try gather.axis.normalizedAxis(rank: rank)].value, first >= -extent, first < extent
            else { return nil }
            insert([(try gather.axis.normalizedAxis(rank: rank), first < 0 ? first + extent : first)], &axes, &fixed)
        case let split as Split:
            let axis = try split.axis.normalizedAxis(rank: rank)
            guard let index = fixed[axis], let part = producer.outputs.firstIndex(of: value) else { return nil }
            let earlier = producer.outputs[..<part].map { graph.info(of: $0.isEmpty ? nil : $0)?.extents?[axis].value }
            guard !earlier.contains(nil) else { return nil }
            fixed[axis] = index + earlier.reduce(0) { $0 + ($1 ?? 0) }
        default: return nil
        }
        return (OperandView(axes, fixed: fixed), name)
    }

    /// Exporters cross over the last two axes with all others folded into one: Reshape, Transpose, Reshape.
    private func throughFoldedTransposition(_ last: Node, _ value: ValueName, in graph: GraphIndex)
        -> (view: OperandView, source: ValueName)?
    {
        guard let middle = graph.producer(of: last.input(0)), let transpose = middle.op as? Transpose,
            transpose.permutation == [0, 2, 1], let first = graph.producer(of: middle.input(0)), first.op is Reshape,
            let source = first.input(0), let extents = graph.info(of: source)?.extents,
            let folded = graph.info(of: first.output(0))?.extents, let own = graph.info(of: value)?.extents,
            extents.count > 2, !extents.suffix(2).contains(.unknown), folded.suffix(2) == extents.suffix(2),
            var axes = try? axes(rank: own.count)
        else { return nil }
        var order = Array(extents.indices)
        order.swapAt(order.count - 1, order.count - 2)
        // One extent that is not known follows from the others: there are as many elements as before.
        guard own.count == extents.count, order.indices.count(where: { own[$0] == .unknown || extents[order[$0]] == .unknown }) <= 1,
            order.indices.allSatisfy({ own[$0] == extents[order[$0]] || own[$0] == .unknown || extents[order[$0]] == .unknown })
        else { return nil }
        axes = axes.map { order[$0] }
        return (OperandView(axes, fixed: Dictionary(uniqueKeysWithValues: fixed.map { (order[$0.key], $0.value) })), source)
    }

    /// Puts axes back that a node removed: at these places in its input, read at these indices.
    private func insert(_ removed: [(axis: Int, index: Int)], _ axes: inout [Int], _ fixed: inout [Int: Int]) {
        for (axis, index) in removed {
            axes = axes.map { $0 >= axis ? $0 + 1 : $0 }
            fixed = Dictionary(uniqueKeysWithValues: fixed.map { ($0.key >= axis ? $0.key + 1 : $0.key, $0.value) })
            fixed[axis] = index
        }
    }
}
