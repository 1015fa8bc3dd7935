public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Adds to every bias what quantization took from the mean of its layer's outputs: b += E[Wx] − E[Ŵx̂]
/// (Nagel et al. 2019, section 4.2), over calibration data, or as normalizations before the layers tell.
public struct BiasCorrection: Pass {
    public static let name = "bias-correction"
    public static let summary = "gives layers back the mean that quantization took from their outputs"
    public static let guide = """
        Rounding shifts the mean of a layer's outputs, and the shift of each layer adds to the next. For each layer, from the \
        first to the last, the mean of every output channel over calibration data is compared with that of the model before \
        compression, and the difference goes into the bias, also where that is stored as int32. Use it after static-quantization \
        or weight-only-quantization. Costs one run over the samples for each layer. Without data, `method: analytic` takes the \
        means of a layer's inputs from the BatchNormalization and Relu or Clip that made them in the model before, as clipped \
        normal distributions, and gives back what rounding took of the weights: E[Wx] − E[Ŵx].
        """

    public enum Method: String, HyperparameterChoice, Codable {
        case data, analytic
    }

    @Hyperparameter("where means come from: calibration data, or the normalizations of the model before, which need none")
    public var method = Method.data
    @Hyperparameter("calibration samples to run at most, with method data", in: 1...1e9, counts: .with("method", ["data"])) public var samples = 128
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { method == .data ? .calibration : .nothing }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let targets = WeightTargets(graph, try choice.selection(in: graph)) { _ in nil }
        guard let original = context.model(before: graph) else {
            let reason = "there is no model before compression to compare with"
            let findings = WeightLedger(graph).findings { _ in reason }
            return PassResult(
                graph: graph,
                findings: findings.contains { $0.reason == reason } ? findings : [Finding("graph", .skipped, reason: reason)])
        }
        var ledger = WeightLedger(graph)
        var result = graph
        let chosen = Set(targets.targets.map(\.tensor))
        let wanted = graph.weightSites.filter { chosen.contains($0.tensor) }
        let layers = wanted.compactMap { CorrectedLayer($0, in: graph, original: original) }
        if method == .analytic { return try correctingByNormalizations(layers, wanted, in: graph, from: original, ledger) }
        let means = try means(of: layers, among: layers, in: original, context)
        for layer in layers {
            guard let goal = means[layer.output], let own = try self.means(of: [layer], among: layers, in: result, context)[layer.output]
            else { continue }
            let shift = zip(goal, own).map { $0 - $1 }
            result = try layer.bias.shifting(by: shift, in: result)
            let largest = shift.map(\.magnitude).max() ?? 0
            ledger.note(Finding(layer.bias.tensor, .done, .largestMeanShift, before: largest, after: 0))
        }
        for site in wanted where !layers.contains(where: { $0.node == site.node.name }) {
            ledger.keep(site.tensor, CorrectedLayer.objection(to: site, in: graph))
        }
        for layer in layers { ledger.keep(layer.weight, "only its layer's bias is corrected") }
        return PassResult(graph: result, findings: ledger.findings { _ in "is no bias of a layer" })
    }

    /// - Parameter all: whose outputs are given in every run: which layers are fused with what follows them is the same in both models.
    private func means(
        of layers: [CorrectedLayer], among all: [CorrectedLayer], in graph: Graph, _ context: PassContext
    ) throws -> [ValueName: [Double]] {
        var statistics = Statistics()
        for layer in all { statistics.expose(layer.output) }
        for layer in layers { statistics.request(ChannelMoments(axis: layer.channelAxis), of: layer.output) }
        guard !statistics.isEmpty else { return [:] }
        try statistics.gather(in: graph, context: context, sampleCount: samples)
        let found = layers.compactMap { layer in statistics[layer.output, ChannelMoments.self].map { (layer.output, $0.means) } }
        return Dictionary(found, uniquingKeysWith: { first, _ in first })
    }
}

/// A layer whose output both models have, with the initializer of its bias.
struct CorrectedLayer {
    let site: WeightSite
    let node: String
    let weight: ValueName
    let output: ValueName
    /// Of the output, counted from the front.
    let channelAxis: Int
    let bias: LayerBias

    init?(_ site: WeightSite, in graph: Graph, original: Graph) {
        let index = GraphIndex(graph)
        guard let output = site.node.output(0), let info = graph.infos[output], let other = original.infos[output],
            info.elementType == .float32, other.elementType == .float32, info.rank != nil, info.rank == other.rank,
            let axis = graph.resultAxis(of: site), site.node.input(2) != nil, let bias = try? LayerBias(of: site, in: index)
        else { return nil }
        (self.bias, self.site) = (bias, site)
        (node, weight, self.output) = (site.node.name, site.tensor, output)
        channelAxis = axis
    }

    /// Why the bias of a layer is not corrected.
    static func objection(to site: WeightSite, in graph: Graph) -> String {
        do {
            if site.node.input(2) != nil { _ = try LayerBias(of: site, in: GraphIndex(graph)) }
            return "its layer has no bias, or its output is not in the original model"
        } catch {
            return error.rawValue
        }
    }
}
