package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Which values of a graph can be compared with another model's element by element.
///
/// Not those whose places follow a rank (what TopK, NonMaxSuppression or NonZero give, and what is looked up by it), numbers that were
/// chosen (ArgMax, comparisons, casts to integers), and what is kept only where it equals another value: there the least rounding moves
/// elements, though it says nothing of how good they are. A sum over the ranks, and a product of what was chosen with other numbers,
/// can be compared again.
package struct ComparableValues {
    private let graph: Graph
    private let index: GraphIndex
    /// What depends on floats that rounding moves.
    private var moved: Set<ValueName> = []
    /// The axes along which elements stand in the order of a rank.
    private var ranked: [ValueName: Set<Int>] = [:]
    /// What follows from choices and constants alone.
    private var chosen: Set<ValueName> = []
    /// What is there only where two values were equal.
    private var picked: Set<ValueName> = []

    package init(_ graph: Graph) {
        self.graph = graph
        index = GraphIndex(graph)
        moved = Set(graph.inputs.filter { $0.type.elementType.isFloatingPoint }.map(\.name))
        for node in graph.nodes where !node.givesExtents { visit(node) }
    }

    package func contains(_ value: ValueName) -> Bool {
        isFloat(value) && ranked[value] == nil && !chosen.contains(value) && !picked.contains(value)
    }

    /// The outputs that can be compared, and for the others the nearest values above them that can and that none of the former depends on.
    package var determiningOutputs: [ValueName] {
        let outputs = graph.outputs.filter(contains)
        var below = Set(outputs)
        for node in graph.nodes.reversed() where !below.isDisjoint(with: node.outputs) { below.formUnion(node.inputs) }
        var (others, seen): ([ValueName], Set<ValueName>) = ([], below)
        var waiting = Array(graph.outputs.filter(moved.contains).reversed())
        while let value = waiting.popLast() {
            guard seen.insert(value).inserted, let node = index.producer(of: value) else { continue }
            if contains(value) { others.append(value) } else { waiting += node.inputs.filter(moved.contains).reversed() }
        }
        return outputs + others
    }

    private func isFloat(_ value: ValueName) -> Bool {
        graph.infos[value]?.elementType == .float32 && graph.infos[value]?.type.isTensor == true
    }

    private mutating func visit(_ node: Node) {
        let moving = (node.inputs + node.op.capturedValues).filter { moved.contains($0) }
        guard !moving.isEmpty else { return }
        let outputs = node.outputs.filter { !$0.isEmpty }
        moved.formUnion(outputs)
        for (place, output) in node.outputs.enumerated() where !output.isEmpty {
            let axes = rankedAxes(of: node, output: place)
            if !axes.isEmpty { ranked[output] = axes }
        }
        if node.op.quantization == .contraction { return }
        let isLookup = node.op is Gather || node.op is GatherElements || node.op is GatherND
        if moving.allSatisfy({ chosen.contains($0) }), !isLookup || !isFloat(node.inputs[0]) || chosen.contains(node.inputs[0]) {
            chosen.formUnion(outputs)
        } else if !node.op.inputRoles.values.contains(.scale) {
            chosen.formUnion(outputs.filter { graph.infos[$0].map { Self.choices.contains($0.elementType) } ?? false })
        }
        let isPick = node.op is Equal && Set(moving.filter(isFloat)).count == 2
        if isPick || moving.contains(where: { picked.contains($0) }) { picked.formUnion(outputs) }
    }

    /// What numbers of places, classes and conditions are stored as; narrower integers are codes and pixels.
    private static let choices: Set<ElementType> = [.bool, .int32, .int64]

    private func rankedAxes(of node: Node, output place: Int) -> Set<Int> {
        guard let rank = graph.infos[node.outputs[place]]?.rank else { return [] }
        if node.op is any ContentShaped { return Set(0..<rank) }
        var axes = passedAxes(of: node, output: place, rank: rank)
        if let top = node.op as? TopK { axes.insert(top.axis < 0 ? top.axis + rank : top.axis) }
        if let compress = node.op as? Compress, let condition = node.input(1), moved.contains(condition) {
            axes.insert(compress.axis.map { $0 < 0 ? $0 + rank : $0 } ?? 0)
        }
        return axes
    }

    /// The axes of an output that are ranked axes of an input. What is scattered stands where it did.
    private func passedAxes(of node: Node, output place: Int, rank: Int) -> Set<Int> {
        guard node.inputs.contains(where: { ranked[$0] != nil }) else { return [] }
        let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : graph.infos[$0] })
        guard !map.isOpaque, map.outputs.indices.contains(place), let terms = map.outputs[place].aligned(toRank: rank) else { return [] }
        var (labels, isOpaque) = (Set<Character>(), false)
        for (input, name) in node.inputs.enumerated() where map.inputs.indices.contains(input) && (input == 0 || !(node.op is any ScatterOperator)) {
            guard let axes = ranked[name], let count = graph.infos[name]?.rank, let own = map.inputs[input].aligned(toRank: count) else { continue }
            for axis in axes where own.indices.contains(axis) {
                if own[axis] == .opaque { isOpaque = true } else { labels.formUnion(own[axis].labels) }
            }
        }
        return Set(terms.indices.filter { terms[$0] == .opaque ? isOpaque : !labels.isDisjoint(with: terms[$0].labels) })
    }
}

extension Node {
    /// Whether only the shape of what it reads counts.
    fileprivate var givesExtents: Bool { op is ShapeOf || op is SizeOf }
}

extension Graph {
    /// The graph with these values for outputs.
    func giving(_ values: [ValueName]) throws -> Graph {
        var edit = GraphEdit()
        edit.outputs = values
        return try applying(edit)
    }

    /// This graph and one that was made of it, each giving what determines outputs that cannot be compared element by element; nil where all can
    /// be, or where the other has not all of that in the same shapes.
    func comparableOutputs(with other: Graph) throws -> (own: Graph, other: Graph)? {
        let own = try givingComparableOutputs()
        guard own.outputs != outputs else { return nil }
        let names = other.namesOfNumbers(own.outputs, besides: Set(outputs))
        let areAlike = zip(own.outputs, names).allSatisfy { name, otherName in
            guard let before = infos[name]?.extents, let after = other.infos[otherName], let extents = after.extents else { return false }
            return after.elementType.isFloatingPoint && before.count == extents.count
                && zip(before, extents).allSatisfy { $0.value == nil || $1.value == nil || $0 == $1 }
        }
        return areAlike ? (own, try other.giving(names)) : nil
    }

    /// The names of values as numbers: what readers get of codes where a value is stored as such, but for outputs, which come as they are.
    func namesOfNumbers(_ values: [ValueName], besides outputs: Set<ValueName>) -> [ValueName] {
        let index = GraphIndex(self)
        return values.map { outputs.contains($0) ? $0 : index.dequantized($0) ?? $0 }
    }

    /// The graph that gives, in the place of outputs that cannot be compared element by element, the values that determine them.
    func givingComparableOutputs() throws -> Graph {
        let values = ComparableValues(self).determiningOutputs
        let floats = outputs.filter { infos[$0]?.elementType == .float32 && infos[$0]?.type.isTensor == true }
        return values.isEmpty || values == floats ? self : try giving(values)
    }
}

extension GraphIndex {
    /// What readers of a value get of its codes; nil where it has none.
    fileprivate func dequantized(_ value: ValueName) -> ValueName? {
        guard let quantize = consumers(of: value).first(where: { $0.op is QuantizeLinear && $0.input(0) == value }) else { return nil }
        return consumers(of: quantize.output(0)).first { $0.op is DequantizeLinear }?.output(0)
    }
}
