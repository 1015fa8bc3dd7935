package import WinnowEngine
import WinnowGraph
import WinnowTensor

/// A node with weights, and what it costs.
public struct LayerMeasurement: Codable, Hashable, Sendable {
    public var name: String
    /// `Conv`
    public var operatorName: String
    /// All constants that it alone reads, or reads first: codes, scales, biases.
    public var byteCount: Int
    /// Of one sample; nil where they depend on extents that are open.
    public var multiplyAccumulates: Int?
    /// What the weight makes, and of what; of one group where channels fall into groups. nil where the operator's axes do not tell.
    public var outputCount: Int?
    public var inputCount: Int?
    /// What the weight is stored as: `float32`, `int8`, `4 bits`.
    public var weightType: String?
    /// The part of the weight that is zero.
    public var sparsity: Double?
    /// Whether data and weight are both codes.
    public var computesWithIntegers: Bool?
    /// The median of what the layer alone takes, on one thread of Winnow's own engine, for one sample, or for as many as the model takes at
    /// once where that is fixed; nil where it was not timed.
    public var milliseconds: Double?
}

extension LayerMeasurement {
    /// The layers of a graph in its order; `products` are multiply–accumulates by node.
    static func all(
        of index: GraphIndex, _ learned: Parameters, products: [String: Int?], tensors: [TensorMeasurement], integerLayers: Set<String>
    ) -> [LayerMeasurement] {
        let graph = index.graph
        let sparsities = Dictionary(tensors.map { ($0.name, $0.sparsity) }, uniquingKeysWith: { first, _ in first })
        var counted: Set<ValueName> = []
        return graph.nodes.compactMap { node in
            guard !learned.constantNodes.contains(node.name), let weight = learned.entries(of: node).first(where: { $0.rank >= 2 })
            else { return nil }
            let own = node.inputs.flatMap { learned.origins[$0] ?? [] }.filter { counted.insert($0).inserted }
            let channels = graph.channels(of: weight)
            return LayerMeasurement(
                name: node.name, operatorName: node.op.type.name, byteCount: own.reduce(0) { $0 + (graph.initializers[$1]?.byteCount ?? 0) },
                multiplyAccumulates: products[node.name] ?? nil, outputCount: channels?.outputs, inputCount: channels?.inputs,
                weightType: graph.storedType(of: weight),
                sparsity: sparsities[weight.tensor], computesWithIntegers: integerLayers.contains(node.name))
        }
    }
}

extension Graph {
    /// The extents of the axes of a weight that its reader's result has, and of those that it sums over.
    fileprivate func channels(of weight: Parameters.Entry) -> (outputs: Int, inputs: Int)? {
        let node = weight.reader
        let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : infos[$0] })
        guard !map.isOpaque, map.inputs.indices.contains(weight.input), let result = map.outputs.first,
            let shape = infos[weight.operand]?.shape, map.inputs[weight.input].count == shape.rank
        else { return nil }
        let produced = Set(result.flatMap(\.labels))
        var (outputs, inputs) = (1, 1)
        for (term, extent) in zip(map.inputs[weight.input], shape) {
            let labels = Set(term.labels)
            if !labels.isDisjoint(with: produced) {
                outputs *= extent
            } else if !labels.isEmpty, !map.pinned.isSuperset(of: labels) {
                inputs *= extent
            }
        }
        return (outputs, inputs)
    }

    fileprivate func storedType(of weight: Parameters.Entry) -> String? {
        if case .packed(let codes)? = weight.reader.op.inputRoles[weight.input] { return "\(codes.bitWidth) bits" }
        return initializers[weight.tensor]?.elementType.description
    }
}

extension ModelMeasurement {
    /// Notes how long each layer takes, of the steps of a plan.
    package mutating func add(_ steps: [PlanStepTiming]) {
        let times = Dictionary(steps.map { ($0.node, $0.medianMilliseconds) }, uniquingKeysWith: +)
        let timed = (layers ?? []).map { layer in
            var layer = layer
            layer.milliseconds = times[layer.name]
            return layer
        }
        if layers != nil { layers = timed }
        otherMilliseconds = steps.reduce(0) { $0 + $1.medianMilliseconds } - timed.reduce(0) { $0 + ($1.milliseconds ?? 0) }
    }
}

extension Report {
    /// Bytes, multiply–accumulates and times of every layer before and after.
    var layerSection: String {
        guard let first = models.first, let last = models.last, let before = first.layers, let after = last.layers, models.count > 1, !before.isEmpty
        else { return "" }
        let pairs = Self.pairs(before, after)
        var header = ["layer", "operator"]
        var rows = pairs.map { [Cell(($0 ?? $1)?.name ?? ""), Cell(($1 ?? $0)?.operatorName ?? "")] }
        func add(_ quantity: String, _ value: (LayerMeasurement) -> Double?, _ text: (Double) -> String) {
            let values = pairs.map { [$0.flatMap(value), $1.flatMap(value)] }
            let most = values.joined().compactMap { $0 }.max() ?? 0
            header += ["\(quantity) before", "\(quantity) after"]
            for (row, own) in values.enumerated() {
                rows[row] += own.map { number in number.map { Cell(text($0), $0, bar: most > 0 ? $0 / most : nil) } ?? "–" }
            }
        }
        add("bytes", { Double($0.byteCount) }, { Format.count(Int($0)) })
        add("MACs", { $0.multiplyAccumulates.map(Double.init) }, { Format.count(Int($0)) })
        let isTimed = (before + after).contains { $0.milliseconds != nil }
        if isTimed { add("ms", \.milliseconds, { Format.number($0, $0 < 0.1 ? 4 : $0 < 10 ? 3 : 1) }) }
        return HTML.table("Layers before and after", header, rows, numbers: Set(2..<header.count)) + (isTimed ? timeRemark(first, last) : "")
    }

    private func timeRemark(_ first: ModelMeasurement, _ last: ModelMeasurement) -> String {
        let others = [first, last].compactMap(\.otherMilliseconds).map(Format.milliseconds)
        let rest = others.count == 2 ? " Nodes without weights take \(others[0]) before and \(others[1]) after." : ""
        return HTML.paragraph(
            "Times are those of Winnow's own engine on one thread: the median of each step alone, with what is fused into it; "
                + "another runtime spends its time otherwise.\(rest)", "soft")
    }

    private static func pairs(_ before: [LayerMeasurement], _ after: [LayerMeasurement]) -> [(LayerMeasurement?, LayerMeasurement?)] {
        let alignment = NodeAlignment(before.map { ($0.name, $0.operatorName) }, after.map { ($0.name, $0.operatorName) })
        return alignment.pairs.map { pair in (pair.before.map { before[$0] }, pair.after.map { after[$0] }) }
    }
}
