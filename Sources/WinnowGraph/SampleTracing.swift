import WinnowTensor

/// What becomes of an axis of an input on its way through a graph.
struct SampleTracing {
    enum Fate {
        /// Operators carry its indices along one by one.
        case carried
        /// An operator takes it as a whole.
        case mixed
        case unknown
    }

    static let mark = Extent.nameless("samples")
    private let graph: Graph

    init(_ graph: Graph) { self.graph = graph }

    /// What is known of values where these axes of inputs are open and marked; nil where the graph does not allow it.
    func infos(marking axes: [ValueName: Int]) -> [ValueName: ValueInfo]? {
        var types: [ValueName: ValueType] = [:]
        for input in graph.inputs {
            var type = input.type
            if let axis = axes[input.name] { type.extents?[axis] = Self.mark }
            types[input.name] = type
        }
        return try? graph.inferInfos(inputTypes: types)
    }

    func fate(of input: GraphInput, _ axis: Int) -> Fate {
        let extent = input.type.extents?[axis] ?? .unknown
        guard !extent.isNamed else { return fate(of: extent, graph.infos) }
        return infos(marking: [input.name: axis]).map { fate(of: Self.mark, $0) } ?? .unknown
    }

    private func fate(of extent: Extent, _ infos: [ValueName: ValueInfo]) -> Fate {
        var fate = Fate.unknown
        for node in graph.nodes {
            let inputs = node.inputs.map { $0.isEmpty ? nil : infos[$0] }
            guard inputs.contains(where: { $0?.extents?.contains(extent) ?? false }) else { continue }
            switch Self.fate(of: extent, in: node.op.axes(for: inputs), inputs, node.outputs.map { infos[$0] }) {
            // What only moves elements may not know where to.
            case .mixed where node.op.quantization != .keepsScale: return .mixed
            case .mixed: break
            case .carried: fate = .carried
            case .unknown: break
            }
        }
        return fate
    }

    /// A loss, which is one number, mixes everything and tells nothing.
    private static func fate(of extent: Extent, in map: AxisMap, _ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> Fate {
        guard !map.isOpaque, !outputs.allSatisfy({ $0?.rank == 0 }) else { return .unknown }
        var fate = Fate.unknown
        for (terms, info) in zip(map.inputs, inputs) {
            let extents = info?.extents ?? []
            let own = terms.first == .rest ? Array(terms.dropFirst()) : terms
            for (term, found) in zip(own.reversed(), extents.reversed()) where found == extent {
                switch term {
                case .opaque: return .mixed
                case .label(let label) where map.summedLabels.union(map.population).contains(label): return .mixed
                case .label(let label) where map.outputLabels.contains(label): fate = .carried
                default: break
                }
            }
        }
        return fate
    }
}

extension SampleTracing {
    /// Whether every output has for each sample what that sample alone would give, where these are their axes in the inputs: no operator
    /// lets samples see each other, lays their axis together with another one, or computes with their number or their places.
    func keepsSamplesApart(along axes: [ValueName: Int]) -> Bool {
        guard let infos = infos(marking: axes) else { return false }
        var counts: Set<ValueName> = []
        for node in graph.nodes {
            switch Self.part(node, infos, counts) {
            case .shared: continue
            case .count: counts.formUnion(node.outputs)
            case .samples: continue
            case nil: return false
            }
        }
        return true
    }

    /// What a node computes.
    private enum Part {
        /// The same whatever the samples are.
        case shared
        /// Extents, among them how many samples there are.
        case count
        /// Something for each sample.
        case samples
    }

    private static func part(_ node: Node, _ infos: [ValueName: ValueInfo], _ counts: Set<ValueName>) -> Part? {
        let inputs = node.inputs.map { $0.isEmpty ? nil : infos[$0] }
        let outputs = node.outputs.map { $0.isEmpty ? nil : infos[$0] }
        let marked = inputs.indices.filter { inputs[$0]?.hasSamples ?? false }
        let counted = node.inputs.indices.filter { counts.contains(node.inputs[$0]) }
        // What is drawn is drawn once for all.
        guard !node.op.draws, node.op.bodies.isEmpty else { return nil }
        let hasSamples = outputs.contains { $0?.hasSamples ?? false }
        guard !marked.isEmpty || !counted.isEmpty else { return hasSamples ? nil : .shared }
        let map = node.op.axes(for: inputs)
        if !map.outputCounts.isEmpty || marked.isEmpty && !hasSamples {
            return outputs.allSatisfy { $0.map { ($0.elementType.isInteger || $0.elementType == .bool) && $0.rank ?? 2 <= 1 && !$0.hasSamples } ?? true } ? .count : nil
        }
        guard !map.isOpaque, counted.allSatisfy({ map.inputCounts[$0] != nil }), marked.allSatisfy({ $0 < map.inputs.count }),
            outputs.count <= map.outputs.count, outputs.allSatisfy({ $0?.hasSamples ?? true })
        else { return nil }
        let operands = Array(zip(map.inputs, inputs)) + Array(zip(map.outputs, outputs))
        let labels = Set(operands.flatMap { terms, info in info.map { Self.sampleLabels(terms, $0) } ?? [] })
        guard labels.count == 1, let label = labels.first ?? nil else { return nil }
        let mixed = map.summedLabels.union(map.population).union(map.pinned).union(map.unread).union(map.extents.keys)
        // Every operand of samples has their axis once, and no other operand has it.
        let isTheirs = operands.allSatisfy { terms, info in
            terms.count { $0.labels.contains(label) } == (info?.hasSamples == true ? 1 : 0)
        }
        return isTheirs && !mixed.contains(label) ? .samples : nil
    }

    /// The labels of the axes that count samples; nil for one that is no axis of its own in the map.
    private static func sampleLabels(_ terms: [AxisTerm], _ info: ValueInfo) -> [Character?] {
        let extents = info.extents ?? []
        return extents.indices.filter { extents[$0] == mark }.map { axis in
            guard terms.count == extents.count, !terms.contains(.rest), case .label(let label) = terms[axis] else { return nil }
            return label
        }
    }
}

extension ValueInfo {
    fileprivate var hasSamples: Bool { extents?.contains(SampleTracing.mark) ?? false }
}
