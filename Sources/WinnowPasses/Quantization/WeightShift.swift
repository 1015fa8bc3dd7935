import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// What rounding its weight does to a layer's outputs: (Ŵ − W)·x. Its mean goes into the layer's bias (Nagel et al. 2019, section
/// 4.2); what then is left of it is noise.
struct WeightShift {
    let site: WeightSite
    /// Ŵ − W, as the layer reads it.
    private let change: Tensor
    /// The axis of the outputs that counts channels, and their rank.
    private let axis: Int
    private let rank: Int
    /// By channel, over calibration data; empty where the layer has no place for it.
    private var mean: [Double] = []

    private init?(_ site: WeightSite, _ parameters: QuantizationParameters, _ rounded: Tensor?, in graph: Graph) throws {
        guard let weight = try graph.weight(readBy: site), let output = site.node.output(0), let rank = graph.infos[output]?.rank,
            let axis = graph.resultAxis(of: site)
        else { return nil }
        var change = rounded ?? parameters.roundTrip(weight)
        change.withMutableElements(Float.self) { changed in
            weight.withElements(Float.self) { own in for index in changed.indices { changed[index] -= own[index] } }
        }
        (self.site, self.change, self.axis, self.rank) = (site, change, axis, rank)
    }

    /// Those of layers whose weights get these parameters, with their means: one run over the data.
    static func gather(
        _ sites: [(site: WeightSite, parameters: QuantizationParameters, rounded: Tensor?)], in graph: Graph, _ context: PassContext,
        sampleCount: Int
    ) throws -> [WeightShift] {
        var shifts = try sites.compactMap { try WeightShift($0.site, $0.parameters, $0.rounded, in: graph) }
        let index = GraphIndex(graph)
        let (builder, places) = (GraphBuilder(extending: graph), shifts.indices.filter { index.takesBias(shifts[$0].site) })
        var (statistics, means) = (Statistics(), [ValueName]())
        for place in places {
            // Samples stay apart, so that batches are those of the model.
            let outputs = try shifts[place].outputs(builder)
            let others = (0..<shifts[place].rank).filter { $0 > 0 && $0 != shifts[place].axis }
            means.append(try others.isEmpty ? outputs : builder.add(ReduceMean(axes: others, keepsAxes: false), outputs))
            statistics.request(ChannelMoments(axis: shifts[place].axis == 0 ? 0 : 1), of: means[means.count - 1])
        }
        guard !means.isEmpty else { return shifts }
        try statistics.gather(in: graph.applying(builder.edit()), context: context, sampleCount: sampleCount)
        for (place, mean) in zip(places, means) {
            shifts[place].mean = statistics[mean, ChannelMoments.self]?.means ?? []
        }
        return shifts
    }

    /// Adds the shift of every output.
    private func outputs(_ builder: GraphBuilder) throws -> ValueName {
        var inputs = site.node.inputs.prefix(2).map { ValueName?.some($0) }
        inputs[site.inputIndex] = builder.constant("\(site.node.name).change", change)
        return try builder.add(site.node.op, inputs: inputs, name: "\(site.node.name).shift")[0]
    }

    /// Adds `strength` times the shift to the layer's outputs, its mean left out. Returns what their readers read instead.
    func outputs(_ builder: GraphBuilder, strength: ValueName) throws -> ValueName {
        var shift = try outputs(builder)
        if !mean.isEmpty {
            let shape = Shape((0..<rank).map { $0 == axis ? mean.count : 1 })
            let tensor = Tensor(mean.map { Float($0) }, shape: shape)
            shift = try builder.add(Sub(), shift, builder.constant("\(site.node.name).mean", tensor))
        }
        return try builder.add(Add(), site.node.output(0), builder.add(Mul(), shift, strength))
    }

    /// An edit by which the layer's bias takes the mean of the shift away.
    func correction(in graph: Graph, _ names: inout FreshNames) -> GraphEdit? {
        guard !mean.isEmpty, mean.contains(where: { $0 != 0 && $0.isFinite }) else { return nil }
        return GraphIndex(graph).addingToBias(of: site, mean.map { -$0 }, &names)
    }
}
