package import WinnowGraph
import WinnowTensor

extension Decomposition {
    /// The axes that every part leaves as they are have labels; all others are opaque.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let (builder, outputs) = try? parts(inputs), let graph = try? builder.graph(outputs: outputs) else { return .opaque }
        var tracer = AxisTracer(graph)
        for node in graph.nodes where node.outputs.contains(where: { graph.infos[$0]?.constant == nil }) {
            tracer.follow(node)
        }
        let names = inputs.indices.map { Self.inputName($0) }
        tracer.pin(except: Set(names))
        return tracer.map(inputs: inputs.indices.map { inputs[$0] == nil ? nil : names[$0] }, outputs: outputs)
    }

    /// Zeros followed through the parts.
    package func effect(of zeros: Zeros) -> ZeroEffect {
        guard let (builder, outputs) = try? parts(zeros.inputs), let graph = try? builder.graph(outputs: outputs) else { return .number }
        var effects = Dictionary(uniqueKeysWithValues: zeros.indices.map { (Self.inputName($0), ZeroEffect.zero) })
        for node in graph.nodes {
            if node.inputs.contains(where: { effects[$0] == .undefined }) { return .undefined }
            let indices = Set(node.inputs.indices.filter { effects[node.inputs[$0]] == .zero })
            guard !indices.isEmpty else { continue }
            let infos = node.inputs.map { $0.isEmpty ? nil : graph.infos[$0] }
            let effect = node.op.effect(of: Zeros(at: indices, of: Set(node.inputs.indices), inputs: infos))
            for output in node.outputs { effects[output] = effect }
        }
        return outputs.contains { effects[$0] == .undefined } ? .undefined : outputs.allSatisfy { effects[$0] == .zero } ? .zero : .number
    }
}

/// Axes of a graph's values, joined where an operator says that they are the same.
private struct AxisTracer {
    private let graph: Graph
    private var first: [ValueName: Int] = [:]
    private var parents: [Int] = []
    private var isOpaque: [Bool] = []
    private var isPopulation: Set<Int> = []

    init(_ graph: Graph) {
        self.graph = graph
        for (name, info) in graph.infos {
            guard let rank = info.rank else { continue }
            first[name] = parents.count
            parents += parents.count..<(parents.count + rank)
        }
        isOpaque = parents.map { _ in false }
    }

    private func root(_ axis: Int) -> Int {
        var axis = axis
        while parents[axis] != axis { axis = parents[axis] }
        return axis
    }

    private mutating func join(_ a: Int, _ b: Int) {
        let (a, b) = (root(a), root(b))
        parents[b] = a
        isOpaque[a] = isOpaque[a] || isOpaque[b]
    }

    private mutating func close(_ name: ValueName) {
        guard let start = first[name], let rank = graph.infos[name]?.rank else { return }
        for axis in start..<(start + rank) { isOpaque[root(axis)] = true }
    }

    /// Joins the axes that share a label of the node's map; closes those that it merges or does not know.
    mutating func follow(_ node: Node) {
        let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : graph.infos[$0] })
        let operands = Array(zip(node.inputs, map.inputs)) + Array(zip(node.outputs, map.outputs))
        guard !map.isOpaque, map.inputs.count >= node.inputs.count, map.outputs.count >= node.outputs.count else {
            for name in node.inputs + node.outputs { close(name) }
            return
        }
        var seen: [Character: Int] = [:]
        // What is fixed, comes from nowhere or goes nowhere is no axis of the whole.
        var merged = map.pinned.union(map.extents.keys).union(map.summed)
            .union(map.inputLabels.symmetricDifference(map.outputLabels))
        for (name, terms) in operands {
            guard let start = first[name], graph.infos[name]?.rank == terms.count else { close(name); continue }
            for (offset, term) in terms.enumerated() {
                switch term {
                case .label(let label):
                    if let other = seen[label] { join(other, start + offset) } else { seen[label] = start + offset }
                case .one: break
                case .opaque, .rest: isOpaque[root(start + offset)] = true
                case .product, .concatenation:
                    isOpaque[root(start + offset)] = true
                    merged.formUnion(term.labels)
                }
            }
        }
        for label in merged { if let axis = seen[label] { isOpaque[root(axis)] = true } }
        isPopulation.formUnion(map.population.compactMap { seen[$0] })
    }

    /// Closes what depends on constants of the graph's own: reordering their partners would have to reorder them.
    mutating func pin(except names: Set<ValueName>) {
        for (name, info) in graph.infos where info.constant != nil && !names.contains(name) {
            guard let start = first[name], let extents = info.extents else { continue }
            for (offset, extent) in extents.enumerated() where extent != .fixed(1) { isOpaque[root(start + offset)] = true }
        }
    }

    func map(inputs: [ValueName?], outputs: [ValueName]) -> AxisMap {
        var letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").makeIterator()
        var labels: [Int: AxisTerm] = [:]
        func terms(_ name: ValueName?) -> [AxisTerm] {
            guard let name, let extents = graph.infos[name]?.extents, let start = first[name] else {
                return name.map { graph.infos[$0]?.rank ?? 0 }.map { [AxisTerm](repeating: .opaque, count: $0) } ?? []
            }
            return extents.indices.map { offset in
                let axis = root(start + offset)
                if isOpaque[axis] { return .opaque }
                if extents[offset] == .fixed(1) { return .one }
                let label = labels[axis] ?? letters.next().map { .label($0) } ?? .opaque
                labels[axis] = label
                return label
            }
        }
        let map = AxisMap(inputs: inputs.map { terms($0) }, outputs: outputs.map { terms($0) })
        let through = map.inputLabels.intersection(map.outputLabels)
        func known(_ operands: [[AxisTerm]]) -> [[AxisTerm]] {
            operands.map { $0.map { through.isSuperset(of: $0.labels) ? $0 : .opaque } }
        }
        var result = AxisMap(inputs: known(map.inputs), outputs: known(map.outputs))
        result.population = Set(isPopulation.compactMap { labels[root($0)]?.labels.first })
        return result
    }
}
