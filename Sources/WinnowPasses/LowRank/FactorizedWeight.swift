import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A weight with its layers, decomposed so that layers of any rank can take their places.
struct FactorizedWeight {
    /// Layers that read it alike.
    let sites: [WeightSite]
    let decomposition: any LayerDecomposition
    let elementCount: Int
    /// Of the weight, and of what takes its place.
    private let elementType: ElementType
    /// Whether its energy is that of the layer's outputs on calibration data.
    let countsOutputs: Bool
    /// What its layers read, with a number for every extent; nil where a rank is not known.
    private let data: [ValueInfo]?
    private let multiplyAccumulates: Int?
    /// Of the weight as the model stores it.
    private let byteCount: Int

    /// What stands for an extent that is not known: what is compared scales with it alike.
    private static let openExtent = 64

    /// - Parameter byteCount: of the weight as the model stores it.
    init(
        _ target: WeightTarget, in graph: Graph, byteCount: Int, _ pass: SVDFactorization, _ metrics: [InputMetric]
    ) throws(Refusal) {
        elementType = target.stored.elementType
        guard elementType.storesWeights else { throw Refusal("it is \(elementType)") }
        let weight = target.stored.converted(to: .float32)
        if let holder = target.sites.lazy.compactMap(\.holder).first { throw Refusal("a body of \(holder) reads it") }
        guard let site = target.sites.first, graph.readsAlike(target.tensor, target.sites) else {
            throw Refusal("several nodes share it, not all in the same way")
        }
        (sites, self.byteCount) = (target.sites, byteCount)
        elementCount = weight.elementCount
        countsOutputs = metrics.first.map { if case .triangular = $0 { true } else { false } } ?? false
        let read = sites.compactMap { $0.node.input(1 - min(1, $0.inputIndex)).flatMap { graph.infos[$0]?.withExtents(Self.openExtent) } }
        data = read.count == sites.count ? read : nil
        let whole = LayerOutline(op: site.node.op, shape: weight.shape, weightIndex: site.inputIndex)
        // Looking up costs none.
        multiplyAccumulates = site.node.op is Gather ? nil : data.flatMap { $0.sum { [whole].multiplyAccumulates(reading: $0) } }
        if site.node.op is any MatrixForm || site.node.op is Einsum {
            let axes = try ProductAxes(site, in: graph)
            guard site.inputIndex == 0 || site.outputAxis != nil else { throw Refusal("which of its axes are outputs is not told") }
            // Axes of `...` are as many as the data has.
            for other in sites.dropFirst() {
                guard try ProductAxes(other, in: graph).equations == axes.equations else {
                    throw Refusal("several nodes share it, not all in the same way")
                }
            }
            decomposition = try ProductDecomposition(
                axes, weight, metrics: metrics, leading: pass.ranking.leading(of: axes.matrixShape))
        } else if let convolution = site.node.op as? any PartedConvolution {
            decomposition = try ConvolutionDecomposition(
                convolution, weight, by: pass.convolutions.member, metrics: metrics)
        } else if let table = site.node.op as? Gather {
            guard weight.rank == 2 else { throw Refusal("its rows are no vectors: no two layers take its place") }
            decomposition = try LookupDecomposition(table, weight, leading: pass.ranking.leading(of: weight.shape))
        } else if let layer = site.node.op as? any InputProduct {
            guard site.inputIndex == 1, weight.rank == 3 else {
                throw Refusal("it meets what the layer itself made a step before: no other layer fits between")
            }
            decomposition = try GateDecomposition(layer, weight, leading: pass.ranking.leading(of: weight.shape))
        } else {
            throw Refusal("\(site.node.op.type) is not split")
        }
    }

    /// Why layers of these ranks do not pay; nil if they do.
    func objection(to ranks: [Int]) -> String? {
        let text = rankText(ranks)
        let count = decomposition.elementCount(ranks)
        guard count < elementCount else { return "\(text) would take \(count) parameters instead of \(elementCount)" }
        let factorByteCount = elementType.byteCount(of: count)
        guard factorByteCount < byteCount else { return "\(text) would take \(factorByteCount) bytes instead of \(byteCount)" }
        if let data, let before = multiplyAccumulates,
            let after = data.sum({ decomposition.multiplyAccumulates(ranks, reading: $0) }), after >= before
        {
            return "\(text) would take \(Self.percent(after, of: before)) of the multiply-accumulates"
        }
        return nil
    }

    private static func percent(_ part: Int, of all: Int) -> String {
        "\(Int((100 * Double(part) / Double(max(1, all))).rounded())) %"
    }

    /// `rank 3 of 12`.
    func rankText(_ ranks: [Int]) -> String {
        let pairs = zip(ranks, decomposition.fullRanks).map { "\($0) of \($1)" }
        return "\(pairs.count == 1 ? "rank" : "ranks") \(pairs.joined(separator: " and "))"
    }

    /// The edit that puts layers with these weights in the nodes' places.
    func edit(_ ranks: [Int], _ weights: [Tensor], _ fresh: inout FreshNames) -> GraphEdit {
        let layers = decomposition.outline(ranks)
        let places = Array(["first", "second", "third", "fourth", "fifth"].prefix(layers.count))
        var edit = GraphEdit(replacing: sites.map(\.node.name), with: [])
        var names: [ValueName] = []
        for site in sites {
            let node = site.node
            let hidden = (1..<layers.count).map { fresh.value("\(node.name).hidden\($0 == 1 ? "" : "\($0)")") }
            if names.isEmpty { names = places.map { fresh.value("\(site.tensor).\($0)") } }
            for (index, layer) in layers.enumerated() {
                let isLast = index == layers.count - 1
                let data = index == 0 ? node.inputs[1 - site.inputIndex] : hidden[index - 1]
                edit.addedNodes.append(
                    Node(
                        name: isLast ? node.name : fresh.node("\(node.name).\(places[index])"), op: layer.op,
                        inputs: (layer.weightIndex == 0 ? [names[index], data] : [data, names[index]])
                            + (isLast ? Array(node.inputs.dropFirst(2)) : []),
                        outputs: isLast ? node.outputs : [hidden[index]]))
            }
        }
        edit.initializers = zip(names, weights).map { ($0, $1.converted(to: elementType)) }
        return edit
    }

    /// The same with numbers that only stand for weights, where costs are counted.
    func outlineEdit(_ ranks: [Int], _ fresh: inout FreshNames) -> GraphEdit {
        edit(ranks, decomposition.outline(ranks).map { Tensor(repeating: Float(0.01), shape: $0.shape) }, &fresh)
    }
}

extension Graph {
    /// Whether these are all that reads an initializer, each a node with the same operator that reads it at the same place.
    fileprivate func readsAlike(_ tensor: ValueName, _ sites: [WeightSite]) -> Bool {
        let index = GraphIndex(self)
        guard let first = sites.first, !index.isOutput(tensor), Set(index.consumers(of: tensor).map(\.name)) == Set(sites.map(\.node.name)),
            sites.allSatisfy({ site in site.node.inputs.count(where: { $0 == tensor }) == 1 })
        else { return false }
        return sites.count == 1 || first.node.operation != nil && sites.allSatisfy { site in
            site.operand == tensor && site.inputIndex == first.inputIndex && site.node.operation == first.node.operation
        }
    }
}

extension [ValueInfo] {
    /// nil where one of the numbers is not known.
    fileprivate func sum(_ number: (ValueInfo) -> Int?) -> Int? {
        reduce(0) { sum, info in sum.flatMap { sum in number(info).map { sum + $0 } } }
    }
}

extension ValueInfo {
    /// With a number in the place of every extent that is not known; nil where the rank is not.
    fileprivate func withExtents(_ number: Int) -> ValueInfo? {
        extents.map { ValueInfo(elementType, $0.map { $0.value == nil ? .fixed(number) : $0 }) }
    }
}
