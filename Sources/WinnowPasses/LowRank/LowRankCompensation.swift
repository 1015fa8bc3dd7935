import WinnowEngine
public import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Stores matrices as codes and adds beside each product a product of low rank, what the codes lost most of: W ≈ Q + A·B.
///
/// ```
/// %2 = MatMul(%1, @w)   →   %q = MatMul(%1, DequantizeLinear(@codes, …))
///                           %h = MatMul(%1, @a);  %l = MatMul(%h, @b);  %2 = Add(%q, %l)
/// ```
public struct LowRankCompensation: Pass {
    public static let name = "low-rank-compensation"
    public static let summary = "weights as codes, and beside them the leading singular values of what the codes lost"
    public static let guide = """
        After `quantization` every matrix W has an error E = W − Ŵ. Its leading singular vectors, or with weighting \
        activations those of E·C that move the layer's outputs most, become two small float layers beside the product (Yao et \
        al. 2023, "ZeroQuant-V2"; Zhang et al. 2024, "LQER"). What would be larger than the weight itself is left out.
        """

    @Hyperparameter("rank of what is added beside each matrix", in: 1...65536) public var rank = 16
    @Hyperparameter("what errors are weighted by: activations, on calibration data, are those of the layer's outputs")
    public var weighting: Chosen<FactorWeightings> = "none"
    @Hyperparameter(
        "calibration samples to run at most, with weighting activations", in: 1...1e9, counts: .with("weighting", ["activations"]))
    public var samples = 512
    @Hyperparameter("how weights become codes") public var quantization = WeightOnlyQuantization { $0.bits = 4 }

    public init() {}

    public var needs: PassNeeds { max(quantization.needs, weighting.member.needs) }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let coded = try quantization(graph, in: context)
        let former = WeightSites(of: graph)
        let targets = try WeightTargets(graph, quantization.choice.selection(in: graph)) { _ in nil }.targets
        let metrics = try weighting.member.metrics(of: targets, in: graph, context, sampleCount: samples)
        let indices = (coded: GraphIndex(coded.graph), former: GraphIndex(graph))
        var (names, edits, findings) = (FreshNames(coded.graph), [GraphEdit](), coded.findings)
        let sites = codedSites(of: graph, former, in: indices.coded)
        let reached = Set(sites.map(\.1.tensor))
        for target in targets where coded.graph.initializers[target.tensor] == nil && !reached.contains(target.tensor) {
            findings.append(Finding(target.tensor, .skipped, reason: "nothing is added beside its codes: no layer reads them as numbers"))
        }
        for (site, original) in sites {
            do throws(Refusal) {
                let (edit, finding) = try compensated(
                    site, in: indices.coded, original, in: indices.former, metrics[original.tensor] ?? [], &names)
                edits.append(edit)
                findings.append(finding)
            } catch {
                findings.append(
                    Finding(original.tensor, .skipped, reason: "nothing is added beside its codes: \(error.reason)"))
            }
        }
        return PassResult(graph: edits.isEmpty ? coded.graph : try coded.graph.applying(edits), findings: findings)
    }

    /// Layers that read codes, in either graph: through DequantizeLinear, or what looks their numbers up in a table.
    private func codedSites(of graph: Graph, _ former: WeightSites, in coded: GraphIndex) -> [(WeightSite, WeightSite)] {
        let sites = coded.graph.weightSites.filter(\.isQuantized)
        let read = WeightSites(sites)
        let lookedUp = graph.weightSites.compactMap { original -> (WeightSite, WeightSite)? in
            guard coded.graph.initializers[original.tensor] == nil, let node = coded.graph.node(named: original.node.name),
                !read.of(node).contains(where: { $0.inputIndex == original.inputIndex }),
                let operand = node.input(original.inputIndex), EncodedWeight(of: operand, in: coded) != nil
            else { return nil }
            var site = original
            (site.node, site.operand, site.isQuantized) = (node, operand, true)
            return (site, original)
        }
        return sites.compactMap { site in former.counterpart(of: site).map { (site, $0) } } + lookedUp
    }

    /// The edit that adds to a layer's product what its codes lost most of.
    private func compensated(
        _ site: WeightSite, in coded: GraphIndex, _ original: WeightSite, in former: GraphIndex, _ metrics: [InputMetric],
        _ names: inout FreshNames
    ) throws(Refusal) -> (GraphEdit, Finding) {
        let forms = (site.node.op as? any MatrixForm, original.node.op as? any MatrixForm)
        let isSame = site.node.op.type == original.node.op.type || forms.0 != nil && forms.1 != nil
        guard isSame, site.inputIndex == original.inputIndex else { throw Refusal("its \(original.node.op.type) became another layer") }
        let axes = try ProductAxes(site, in: coded.graph)
        guard former.info(of: original.operand)?.elementType == .float32 else { throw Refusal("it is not float32") }
        guard let codes = coded.numbers(of: site), var weight = former.numbers(of: original) else {
            throw Refusal("its numbers are not known")
        }
        if forms.0?.transposesRight != forms.1?.transposesRight, weight.rank == 2 { weight = weight.transposed([1, 0]) }
        guard weight.shape == codes.shape, codes.shape == axes.shape else { throw Refusal("its shape changed") }
        let lost = Tensor(zip(weight.floats(), codes.floats()).map { $0 - $1 }, shape: weight.shape)
        let decomposition = try ProductDecomposition(axes, lost, metrics: metrics)
        let ranks = [min(rank, decomposition.fullRanks[0])]
        let (added, whole) = (4 * decomposition.elementCount(ranks), 4 * weight.elementCount)
        guard added < whole else {
            throw Refusal("rank \(ranks[0]) would take \(added) bytes, the weight takes \(whole)")
        }
        let factors = try decomposition.factors(ranks)
        let layers = decomposition.outline(ranks)
        let node = site.node
        var product = node
        product.outputs = [names.value("\(node.name).coded")]
        let values = [names.value("\(node.name).hidden"), names.value("\(node.name).lost")]
        let weights = [names.value("\(original.tensor).lost.first"), names.value("\(original.tensor).lost.second")]
        var edit = GraphEdit(replacing: [node.name], with: [product])
        for (index, layer) in layers.enumerated() {
            let data = index == 0 ? node.inputs[1 - site.inputIndex] : values[0]
            edit.addedNodes.append(
                Node(
                    name: names.node("\(node.name).\(index == 0 ? "first" : "second")"), op: layer.op,
                    inputs: layer.weightIndex == 0 ? [weights[index], data] : [data, weights[index]], outputs: [values[index]]))
        }
        edit.addedNodes.append(
            Node(name: names.node("\(node.name).sum"), op: Add(), inputs: [product.outputs[0], values[1]], outputs: node.outputs))
        edit.initializers = Array(zip(weights, factors.weights)).map { (name: $0, tensor: $1) }
        let before = weight.relativeError(of: codes)
        return (
            edit,
            Finding(
                original.tensor, .done, .relativeChange, before: before, after: before * factors.relativeError,
                reason: "rank \(ranks[0]) of \(decomposition.fullRanks[0]) beside its codes, \(added) bytes")
        )
    }
}

extension GraphIndex {
    /// What a layer reads as its weight, as float32.
    fileprivate func numbers(of site: WeightSite) -> Tensor? {
        if let coded = EncodedWeight(of: site.operand, in: self) {
            return Tensor(coded.numbers(in: 0..<coded.shape.elementCount).map { Float($0) }, shape: coded.shape)
        }
        guard let rank = info(of: site.operand)?.rank, let path = weightPath(to: site.operand, rank: rank) else { return nil }
        if path.nodes.isEmpty { return graph.initializers[site.operand]?.converted(to: .float32) }
        return (try? graph.computing(site.operand, by: path.nodes))?.converted(to: .float32)
    }
}
