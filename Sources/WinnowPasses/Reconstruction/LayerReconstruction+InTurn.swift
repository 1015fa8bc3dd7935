import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowTensor

extension LayerReconstruction {
    /// Calls `body` for one layer after the other, in topological order, with the inputs x̂ that the weights given back for the
    /// layers before it make, and as goal the weight that makes of them what the layer's own makes of the inputs x it had: W* = W
    /// + W·(C − H)·(H + λ·mean diag H)⁻¹, C = Σx·x̂ᵀ, H = Σx̂·x̂ᵀ. A run of both models over the data for layers that read the
    /// same value.
    ///
    /// Deeper layers than 4096 inputs and taps have their own weight as goal.
    static func forEachInTurn(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int,
        _ body: (LayerReconstruction) throws -> Tensor?
    ) throws {
        let order = Dictionary(uniqueKeysWithValues: graph.nodes.enumerated().map { ($1.name, $0) })
        let contractions = contractions(of: targets, in: graph)
            .sorted { (order[$0.site.node.name] ?? 0) < (order[$1.site.node.name] ?? 0) }
        let tensors = Dictionary(targets.map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        var (changed, start) = (graph, 0)
        while start < contractions.count {
            var end = start + 1
            while end < contractions.count, contractions[end].data == contractions[start].data { end += 1 }
            let part = contractions[start..<end].filter { $0.depth <= 8192 }
            start = end
            guard let data = part.first?.data else { continue }
            var pairs: [String: PairedMoments] = [:]
            for contraction in part { pairs[contraction.rowsKey] = pairs[contraction.rowsKey] ?? PairedMoments(contraction) }
            try gather(&pairs, of: data, in: graph, changed, context, sampleCount)
            var rounded: [ValueName: Tensor] = [:]
            for contraction in part {
                guard let pair = pairs[contraction.rowsKey], pair.rowCount > 0, let target = tensors[contraction.site.tensor]
                else { continue }
                let layer = LayerReconstruction(
                    contraction: contraction, moments: [(0..<contraction.depth, pair.moment)],
                    goal: pair.goal(contraction.matrix(of: target.values)))
                rounded[target.tensor] = try body(layer)?.converted(to: target.stored.elementType)
            }
            if !rounded.isEmpty { changed = try changed.settingInitializers(rounded) }
        }
    }

    private static func gather(
        _ pairs: inout [String: PairedMoments], of value: ValueName, in graph: Graph, _ changed: Graph, _ context: PassContext,
        _ sampleCount: Int
    ) throws {
        let data = try context.calibrationData(for: graph).drawn(sampleCount, seed: context.seed)
        var edit = GraphEdit()
        edit.outputs = [value]
        let isInput = graph.inputNames.contains(value)
        let sessions = try isInput ? [] : [graph, changed].map { try Session($0.applying(edit).removingDeadNodes()) }
        for batch in data.batches(of: 8, for: graph) {
            try context.cancellation?.check("calibration")
            if isInput {
                let own = Array(batch.indices.prefix(batch.count))
                guard let tensor = try data.batch(at: own)[value], tensor.elementType == .float32 else { return }
                tensor.withElements(Float.self) { values in
                    for key in pairs.keys { pairs[key]?.add(values, values, shape: tensor.shape) }
                }
                continue
            }
            let plans = try sessions.map { session in
                let plan = try session.plan(for: batch, of: data)
                try plan.execute()
                return plan
            }
            guard let shape = plans[0].shape(of: value) else { return }
            plans[0].withOutput(value) { own in
                plans[1].withOutput(value) { other in
                    for key in pairs.keys {
                        pairs[key]?.add(own.bindMemory(to: Float.self), other.bindMemory(to: Float.self), shape: shape)
                    }
                }
            }
        }
    }
}

/// Moments of the rows that a layer meets in two models of the same shape: H of the second's, C of both.
private struct PairedMoments {
    private let contraction: Contraction
    private var own: [Float]
    private var crossed: [Float]
    private(set) var rowCount = 0

    init(_ contraction: Contraction) {
        self.contraction = contraction
        own = [Float](repeating: 0, count: contraction.groupCount * contraction.depth * contraction.depth)
        crossed = own
    }

    mutating func add(_ first: UnsafeBufferPointer<Float>, _ second: UnsafeBufferPointer<Float>, shape: Shape) {
        let (groups, depth) = (contraction.groupCount, contraction.depth)
        var (own, crossed, count) = (own, crossed, rowCount)
        (self.own, self.crossed) = ([], [])
        contraction.forEachRows(of: [first, second], shape: shape, placeLimit: GramMatrix.placeLimit) { blocks in
            let (x, y) = (blocks[0], blocks[1])
            let shape = (y.count, y.isRowMajor)
            DenseProduct.addGram(of: y.elements, groups: groups, depth: depth, count: shape.0, isRowMajor: shape.1, to: &own)
            DenseProduct.addGram(
                of: x.elements, by: y.elements, groups: groups, depth: depth, count: shape.0, isRowMajor: shape.1, to: &crossed)
            count += y.count
        }
        (self.own, self.crossed, rowCount) = (own, crossed, count)
    }

    private var rows: Int { contraction.groupCount * contraction.depth }

    var moment: SecondMoment {
        SecondMoment(
            groupCount: contraction.groupCount, matrix: Matrix(own, rows: rows, columns: contraction.depth),
            mean: [Double](repeating: 0, count: rows), rowCount: rowCount)
    }

    /// W + W·(C − H)·(H + λ·mean diag H)⁻¹ for each group of a layer that meets these rows; nil where that cannot be told.
    func goal(_ weight: Matrix<Float>, damping: Double = 0.01) -> Matrix<Float>? {
        let depth = contraction.depth
        guard depth <= 4096 else { return nil }
        var result = weight
        for group in 0..<contraction.groupCount {
            let count = weight.rows / contraction.groupCount
            let rows = (group * count)..<((group + 1) * count)
            let places = (group * depth * depth)..<((group + 1) * depth * depth)
            var hessian = Matrix(own[places].map(Double.init), rows: depth, columns: depth)
            let change = Matrix(zip(crossed[places], own[places]).map { $0 - $1 }, rows: depth, columns: depth)
            let mean = (0..<depth).reduce(0) { $0 + hessian[$1, $1] } / Double(max(1, depth))
            guard mean > 0, mean.isFinite else { continue }
            for index in 0..<depth { hessian[index, index] += damping * mean }
            let lost = (weight[rows: rows] * change).transposed
            let goal = Matrix(lost.elements.map(Double.init), rows: lost.rows, columns: lost.columns)
            guard let factor = try? CholeskyFactor(hessian), let moved = try? factor.solve(goal).transposed
            else { continue }
            for (index, place) in (rows.lowerBound * depth..<rows.upperBound * depth).enumerated() {
                result.elements[place] += Float(moved.elements[index])
            }
        }
        return result
    }
}
