import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A graph whose channels are being divided by factors where they are made and multiplied where they are read.
struct ChannelScaling {
    private let index: GraphIndex
    private var names: FreshNames
    private var tensors: [ValueName: Tensor] = [:]
    /// Nodes that read other constants than before.
    private var nodes: [String: Node] = [:]
    private var clips: [(term: ScalableChannels.Term, factors: [Float])] = []

    init(_ graph: Graph) { (index, names) = (GraphIndex(graph), FreshNames(graph)) }

    /// A tensor as it is by now.
    func tensor(_ name: ValueName) -> Tensor? { tensors[name] ?? index.constant(name) }

    /// A layer's weight, outputs × depth, as it is by now.
    func matrix(_ contraction: Contraction) -> Matrix<Float> {
        contraction.matrix(of: tensor(contraction.site.tensor)?.converted(to: .float32) ?? Tensor([Float]()))
    }

    /// Divides channels by positive factors, and lets their readers make up for it.
    mutating func divide(_ channels: ScalableChannels, by factors: [Float]) {
        let inverse = factors.map { 1 / $0 }
        switch channels.source {
        case .layer(let contraction):
            update(contraction) { row, _ in inverse[row] }
            if channels.node.input(2) != nil { scale(2, of: channels.node, by: inverse, axis: channels.axis) }
        case .gain(let inputs):
            for input in inputs { scale(input, of: channels.node, by: inverse, axis: inputs.count > 1 ? -1 : nil) }
        }
        for term in channels.terms {
            let own = inverse.flatMap { [Float](repeating: $0, count: term.width) }
            switch term.kind {
            case .addition(let input): scale(input, of: term.node, by: own, axis: term.axis)
            case .clip: clips.append((term, own))
            }
        }
        for reader in channels.readers {
            let contraction = reader.contraction
            update(contraction) { row, column in factors[contraction.input(row: row, column: column) / reader.width] }
        }
    }

    private mutating func update(_ contraction: Contraction, by factor: (_ row: Int, _ column: Int) -> Float) {
        var matrix = matrix(contraction)
        for row in 0..<matrix.rows { for column in 0..<matrix.columns { matrix[row, column] *= factor(row, column) } }
        set(matrix, of: contraction)
    }

    /// Gives a layer another weight.
    mutating func set(_ matrix: Matrix<Float>, of contraction: Contraction) {
        let name = contraction.site.tensor
        tensors[name] = contraction.weight(of: matrix).converted(to: tensor(name)?.elementType ?? .float32)
    }

    /// A constant that a node reads, times factors along an axis of what it is broadcast to, counted from the end; nil: its
    /// longest.
    private mutating func scale(_ input: Int, of original: Node, by factors: [Float], axis: Int?) {
        var node = nodes[original.name] ?? original
        guard let name = node.input(input), let stored = tensor(name) else { return }
        let longest = stored.shape.indices.max { stored.shape[$0] < stored.shape[$1] }.map { $0 - stored.rank } ?? -1
        let fromEnd = node.op is any SlidingContraction ? -1 : axis ?? longest
        let values = stored.floats()
        var shape = [Int](repeating: 1, count: max(stored.rank, -fromEnd))
        for (place, extent) in stored.shape.reversed().enumerated() { shape[shape.count - 1 - place] = extent }
        shape[shape.count + fromEnd] = factors.count
        let scaled = Tensor(factors.indices.map { factors[$0] * values[values.count == 1 ? 0 : $0] }, shape: Shape(shape))
        if index.soleConsumer(of: name) != nil || index.constant(name) == nil {
            tensors[name] = scaled
        } else {
            node.inputs[input] = names.value("\(original.name).\(name)")
            tensors[node.inputs[input]] = scaled
            nodes[original.name] = node
        }
    }

    func apply() throws -> Graph {
        var (edit, names) = (GraphEdit(setting: tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }), names)
        for node in nodes.values.sorted(by: { $0.name < $1.name }) {
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(node)
        }
        let merged = Dictionary(clips.map { ($0.term.node.name, $0) }) { first, second in
            (first.term, zip(first.factors, second.factors).map { $0 * $1 })
        }
        for (name, (term, factors)) in merged.sorted(by: { $0.key < $1.key }) {
            guard case .clip(let range) = term.kind, let x = term.node.input(0), let y = term.node.output(0) else { continue }
            let shape = Shape([factors.count] + [Int](repeating: 1, count: -term.axis - 1))
            func bound(_ bound: Double) -> ValueName {
                let value = names.value("\(name).bound")
                edit.initializers.append((value, Tensor(factors.map { $0 * Float(bound) }, shape: shape)))
                return value
            }
            edit.removedNodes.insert(name)
            var value = x
            if range.lowerBound > -Double(Float.greatestFiniteMagnitude) {
                let low = range.lowerBound == 0 ? names.value("\(name).relu") : names.value("\(name).max")
                let op: any Operator = range.lowerBound == 0 ? Relu() : Max()
                let inputs = range.lowerBound == 0 ? [x] : [x, bound(range.lowerBound)]
                edit.addedNodes.append(Node(name: names.node("\(name).low"), op: op, inputs: inputs, outputs: [low]))
                value = low
            }
            edit.addedNodes.append(Node(name: name, op: Min(), inputs: [value, bound(range.upperBound)], outputs: [y]))
        }
        return try index.graph.applying(edit)
    }
}
