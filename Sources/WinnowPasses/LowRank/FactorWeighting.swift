package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// What errors of factors are weighted by.
package protocol FactorWeighting: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    static var needs: PassNeeds { get }

    /// By weight, a metric for each of its layer's groups; none where nothing is known of its inputs.
    static func metrics(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int
    ) throws -> [ValueName: [InputMetric]]
}

/// Every weighting, one line each.
public enum FactorWeightings: MemberCatalogue {
    package static let all: [any FactorWeighting.Type] = [
        NoWeighting.self,
        ActivationWeighting.self,
        FisherWeighting.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}

/// All elements count alike.
package enum NoWeighting: FactorWeighting {
    package static let name = "none"
    package static let needs = PassNeeds.nothing
    package static func metrics(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int
    ) throws -> [ValueName: [InputMetric]] { [:] }
}

/// By the second moments of the layer's inputs: what is cut off is the error of its outputs (SVD-LLM, Wang et al. 2024; DRONE,
/// Chen et al. 2021). H + λ·mean diag H = C·Cᵀ, λ = 0.001.
package enum ActivationWeighting: FactorWeighting {
    package static let name = "activations"
    package static let needs = PassNeeds.calibration
    private static let damping = 0.001

    package static func metrics(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int
    ) throws -> [ValueName: [InputMetric]] {
        // A weight that several layers share meets the inputs of all of them.
        let layers = targets.flatMap { target in
            target.sites.filter { $0.holder == nil }.map { WeightTarget(tensor: target.tensor, stored: target.stored, sites: [$0]) }
        }
        var missing = Dictionary(grouping: layers, by: \.tensor).mapValues(\.count)
        var (sums, result): ([ValueName: [Matrix<Float>]], [ValueName: [InputMetric]]) = ([:], [:])
        func add(_ moments: [Matrix<Float>], of tensor: ValueName) {
            var sum = moments
            if let others = sums.removeValue(forKey: tensor) { sum = zip(sum, others).map { $0 + $1 } }
            missing[tensor, default: 1] -= 1
            guard missing[tensor] == 0 else { sums[tensor] = sum; return }
            let metrics = sum.map(metric)
            guard metrics.allSatisfy({ $0 != nil }) else { return }
            result[tensor] = metrics.compactMap { $0 }
        }
        try LayerReconstruction.forEach(of: layers, in: graph, context, sampleCount: sampleCount, takesParts: true) {
            layer in
            guard layer.moments.count == 1, let moment = layer.moments.first?.moment else { return }
            add((0..<moment.groupCount).map { moment.group($0).matrix }, of: layer.contraction.site.tensor)
        }
        try ProductMoment.forEach(of: layers, in: graph, context, sampleCount: sampleCount) { add($1.matrices, of: $0) }
        return result
    }

    private static func metric(_ moment: Matrix<Float>) -> InputMetric? {
        let depth = moment.columns
        var hessian = Matrix(moment.elements.map(Double.init), rows: depth, columns: depth)
        let mean = (0..<depth).reduce(0) { $0 + hessian[$1, $1] } / Double(max(1, depth))
        guard mean > 0, mean.isFinite else { return nil }
        for index in 0..<depth { hessian[index, index] += damping * mean }
        guard let root = try? CholeskyFactor(hessian).lower else { return nil }
        return .triangular(Matrix(root.elements.map { Float($0) }, rows: depth, columns: depth))
    }
}

/// By the empirical Fisher information of the weights, summed over those of each input: C = diag √Σ_o E[g_oi²] (FWSVD; Hsu et al.
/// 2022, equation 4).
package enum FisherWeighting: FactorWeighting {
    package static let name = "fisher"
    package static let needs = PassNeeds.calibration

    package static func metrics(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int
    ) throws -> [ValueName: [InputMetric]] {
        let moments = try LossGradients.moments(of: targets, in: graph, context)
        var result: [ValueName: [InputMetric]] = [:]
        for target in targets {
            guard let site = target.sites.first, let unfolded = try? UnfoldedWeight(site, in: graph),
                let moment = moments[target.tensor],
                moment.squares.count == target.stored.elementCount
            else { continue }
            let metrics = unfolded.matrices(of: Tensor(moment.meanSquares, shape: target.stored.shape)).map(metric)
            if metrics.allSatisfy({ $0 != nil }) { result[target.tensor] = metrics.compactMap { $0 } }
        }
        return result
    }

    private static func metric(_ fisher: Matrix<Float>) -> InputMetric? {
        var sums = [Double](repeating: 0, count: fisher.columns)
        for (index, value) in fisher.elements.enumerated() { sums[index % fisher.columns] += Double(value) }
        let mean = sums.reduce(0, +) / Double(max(1, sums.count))
        guard mean > 0, mean.isFinite else { return nil }
        // Inputs that never mattered count a little, so that their weights do not grow at will.
        return .diagonal(sums.map { Float(($0 / mean + 1e-6).squareRoot()) })
    }
}

extension ProductMoment {
    /// Sums kept at once.
    private static let byteLimit = 1 << 30

    /// Calls `body` with the weight's name and the moments of every layer that is no plain contraction, as far as they are known: one run over
    /// the data for as many layers as fit into a gigabyte.
    fileprivate static func forEach(
        of layers: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int, _ body: (ValueName, ProductMoment) -> Void
    ) throws {
        var waiting: [(tensor: ValueName, data: ValueName, moment: ProductMoment)] = []
        func gather() throws {
            guard !waiting.isEmpty else { return }
            var statistics = Statistics()
            for layer in waiting { statistics.request(layer.moment, of: layer.data, key: layer.moment.key) }
            try statistics.gather(in: graph, context: context, sampleCount: sampleCount)
            for layer in waiting {
                guard let moment = statistics[layer.data, ProductMoment.self, key: layer.moment.key], moment.rowCount > 0 else { continue }
                body(layer.tensor, moment)
            }
            waiting = []
        }
        for layer in layers {
            guard let site = layer.sites.first, Contraction(site, in: graph) == nil, let axes = try? ProductAxes(site, in: graph),
                let data = site.node.input(1 - site.inputIndex), graph.infos[data]?.elementType == .float32,
                let moment = ProductMoment(axes)
            else { continue }
            if waiting.reduce(moment.byteCount, { $0 + $1.moment.byteCount }) > byteLimit { try gather() }
            waiting.append((layer.tensor, data, moment))
        }
        try gather()
    }
}
