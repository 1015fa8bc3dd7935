import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A weight with its layer, decomposed so that layers of any rank can take its layer's place.
struct FactorizedWeight {
    let site: WeightSite
    let decomposition: any LayerDecomposition
    let elementCount: Int
    /// Of the weight, and of what takes its place.
    private let elementType: ElementType
    /// Whether its energy is that of the layer's outputs on calibration data.
    let countsOutputs: Bool
    /// What its layer reads, with a number for every extent; nil where its rank is not known.
    private let data: ValueInfo?
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
        guard [.float32, .float16, .bfloat16, .float64].contains(elementType) else { throw Refusal("it is \(elementType)") }
        let weight = target.stored.converted(to: .float32)
        if let holder = target.sites.lazy.compactMap(\.holder).first { throw Refusal("a body of \(holder) reads it") }
        guard let site = target.sites.first, GraphIndex(graph).soleConsumer(of: target.tensor)?.name == site.node.name
        else {
            throw Refusal("several nodes share it")
        }
        (self.site, self.byteCount) = (site, byteCount)
        elementCount = weight.elementCount
        countsOutputs = metrics.first.map { if case .triangular = $0 { true } else { false } } ?? false
        data = site.node.input(1 - min(1, site.inputIndex)).flatMap { graph.infos[$0]?.withExtents(Self.openExtent) }
        // Looking up costs none.
        multiplyAccumulates =
            site.inputIndex == 0
            ? nil
            : data.flatMap { [LayerOutline(op: site.node.op, shape: weight.shape)].multiplyAccumulates(reading: $0) }
        if site.node.op is MatMul, site.inputIndex == 0, weight.rank == 2 {
            decomposition = try LeftProductDecomposition(
                weight, metric: metrics.first, leading: pass.ranking.leading(of: weight.shape))
        } else if let form = site.node.op as? any MatrixForm {
            guard site.inputIndex == 1 else { throw Refusal("it is on the left of a \(site.node.op.type)") }
            guard site.outputAxis != nil, weight.rank >= 2 else { throw Refusal("which of its axes are outputs is not told") }
            guard weight.shape.dropLast(2).allSatisfy({ $0 == 1 }) else {
                throw Refusal("it is a batch of \(weight.shape.dropLast(2).reduce(1, *)) matrices")
            }
            decomposition = try ProductDecomposition(
                form, weight, metric: metrics.first, leading: pass.ranking.leading(of: Shape(weight.shape.suffix(2))))
        } else if let convolution = site.node.op as? any PartedConvolution {
            decomposition = try ConvolutionDecomposition(
                convolution, weight, by: pass.convolutions.member, metrics: metrics)
        } else if let table = site.node.op as? Gather {
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
            let after = decomposition.multiplyAccumulates(ranks, reading: data), after >= before
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

    /// The edit that puts layers with these weights in the node's place.
    func edit(_ ranks: [Int], _ weights: [Tensor], _ fresh: inout FreshNames) -> GraphEdit {
        let node = site.node
        let layers = decomposition.outline(ranks)
        let places = ["first", "second", "third", "fourth", "fifth"].prefix(layers.count)
        let hidden = (1..<layers.count).map { fresh.value("\(node.name).hidden\($0 == 1 ? "" : "\($0)")") }
        let names = places.map { fresh.value("\(site.tensor).\($0)") }
        var edit = GraphEdit(replacing: [node.name], with: [])
        for (index, layer) in layers.enumerated() {
            let isLast = index == layers.count - 1
            let data = index == 0 ? node.inputs[1 - site.inputIndex] : hidden[index - 1]
            edit.addedNodes.append(
                Node(
                    name: isLast ? node.name : fresh.node("\(node.name).\(places[index])"), op: layer.op,
                    inputs: (site.inputIndex == 0 && (index == 0 || decomposition.isOnLeft) ? [names[index], data] : [data, names[index]])
                        + (isLast ? Array(node.inputs.dropFirst(2)) : []),
                    outputs: isLast ? node.outputs : [hidden[index]]))
            edit.initializers.append((names[index], weights[index].converted(to: elementType)))
        }
        return edit
    }

    /// The same with numbers that only stand for weights, where costs are counted.
    func outlineEdit(_ ranks: [Int], _ fresh: inout FreshNames) -> GraphEdit {
        edit(ranks, decomposition.outline(ranks).map { Tensor(repeating: Float(0.01), shape: $0.shape) }, &fresh)
    }
}

extension ValueInfo {
    /// With a number in the place of every extent that is not known; nil where the rank is not.
    fileprivate func withExtents(_ number: Int) -> ValueInfo? {
        extents.map { ValueInfo(elementType, $0.map { $0.value == nil ? .fixed(number) : $0 }) }
    }
}
