public import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Makes one layer of several that only multiply, where that is smaller.
///
/// ```
/// %h = Gemm(%1, @a);  %2 = Gemm(%h, @b, @c)   →   %2 = Gemm(%1, @ab, @c)
/// ```
public struct MergeFactors: Pass {
    public static let name = "merge-factors"
    public static let summary =
        "makes one layer of several that follow each other without anything between, where that is smaller"
    public static let guide = """
        Products of matrices behind each other, Einsums that are such products, and convolutions whose windows together are \
        one (1×1 and k×k, k×1 and 1×k, channels by themselves and 1×1), become one layer whose weight is their product: what svd-factorization makes comes \
        back as one layer, exact but for rounding. Without `always` only where the one takes no more parameters and arithmetic \
        than the several.
        """
    public static let isIdempotent = true

    @Hyperparameter("merge where the one layer is larger too") public var always = false
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let selection = try choice.selection(in: graph)
        var (ledger, names, result) = (WeightLedger(graph), FreshNames(graph), graph)
        for chain in chains(in: graph) {
            let kept = chain.filter { selection.reason(against: $0.weight, of: $0.node) != nil }
            for link in kept { ledger.keep(link.weight, selection.reason(against: link.weight, of: link.node) ?? "") }
            for part in chain.split(whereSeparator: { link in kept.contains { $0.node.name == link.node.name } }) {
                result = merging(Array(part), in: result, &names, &ledger)
            }
        }
        return PassResult(
            graph: result, findings: ledger.findings { _ in "no layer without anything between follows or leads" })
    }

    private struct Link {
        let node: Node
        let layer: LinearLayer
        var weight: ValueName { node.inputs[layer.weightIndex] }
        var data: ValueName { node.inputs[1 - layer.weightIndex] }
    }

    /// Layers of which each reads what the one before it makes, which nothing else reads.
    private func chains(in graph: Graph) -> [[Link]] {
        let index = GraphIndex(graph)
        var (chains, last) = ([[Link]](), [String: Int]())
        for node in graph.nodes {
            guard let layer = LinearLayer(node, in: index), let data = node.input(1 - layer.weightIndex) else { continue }
            let link = Link(node: node, layer: layer)
            if let producer = index.producer(of: data), let chain = last[producer.name], !index.isOutput(data),
                index.soleConsumer(of: data) != nil
            {
                chains[chain].append(link)
                last[node.name] = chain
                last[producer.name] = nil
            } else {
                last[node.name] = chains.count
                chains.append([link])
            }
        }
        return chains.filter { $0.count > 1 }
    }

    /// Makes one layer of the longest part of a chain of which that can and should be done, then of what is left on either side.
    private func merging(
        _ chain: [Link], in graph: Graph, _ names: inout FreshNames, _ ledger: inout WeightLedger
    ) -> Graph {
        var reason = ""
        for length in stride(from: chain.count, to: 1, by: -1) {
            for start in 0...(chain.count - length) {
                let part = Array(chain[start..<(start + length)])
                do throws(Refusal) {
                    let merged = try one(part, in: graph)
                    let changed = try applied(edit(part, merged, &names), to: graph)
                    let before = part.reduce(0) { $0 + $1.layer.weight.elementCount }
                    for link in part {
                        ledger.note(
                            Finding(
                                link.weight, .done, .parameters, before: Double(before),
                                after: Double(merged.weight.elementCount),
                                reason: "\(part.count) layers are one, \(part.last?.node.name ?? "")"))
                    }
                    let result = merging(Array(chain[..<start]), in: changed, &names, &ledger)
                    return merging(Array(chain[(start + length)...]), in: result, &names, &ledger)
                } catch { reason = error.reason }
            }
        }
        for link in chain where !ledger.has(link.weight) {
            ledger.keep(link.weight, reason.isEmpty ? "its neighbours are merged" : reason)
        }
        return graph
    }

    private func applied(_ edit: GraphEdit, to graph: Graph) throws(Refusal) -> Graph {
        do { return try graph.applying(edit) } catch { throw Refusal("the one layer does not fit: \(error)") }
    }

    private func one(_ part: [Link], in graph: Graph) throws(Refusal) -> LinearLayer {
        var merged = part[0].layer
        for link in part.dropFirst() { merged = try merged.followed(by: link.layer) }
        let type = part[0].layer.weight.elementType
        merged.weight = merged.weight.converted(to: type)
        guard type == .float32 || merged.weight.finiteness == nil else { throw Refusal("their product is too large for \(type)") }
        guard !always else { return merged }
        let before = part.reduce(0) { $0 + $1.layer.weight.elementCount }
        guard merged.weight.elementCount <= before else {
            throw Refusal("one layer would take \(merged.weight.elementCount) parameters instead of \(before)")
        }
        let data = graph.infos[part[0].data]
        if let data, let several = part.map(\.layer.outline).multiplyAccumulates(reading: data),
            let single = [merged.outline].multiplyAccumulates(reading: data), single > several
        {
            throw Refusal("one layer would take \(single) multiply-accumulates instead of \(several)")
        }
        return merged
    }

    /// Puts the one layer in the place of the last, under the names that the layer had before it was split, where they are free.
    private func edit(_ part: [Link], _ merged: LinearLayer, _ names: inout FreshNames) -> GraphEdit {
        guard let (first, last) = part.first.flatMap({ first in part.last.map { (first, $0) } }) else {
            return GraphEdit()
        }
        let suffix = ".first"
        let stem =
            first.weight.hasSuffix(suffix) ? String(first.weight.dropLast(suffix.count)) : "\(first.weight).merged"
        let weight = names.value(stem)
        var edit = GraphEdit(replacing: part.map(\.node.name), with: [])
        var inputs = merged.weightIndex == 0 ? [weight, first.data] : [first.data, weight]
        if let bias = merged.bias {
            let isKept = bias == last.layer.bias
            inputs.append(isKept ? last.node.inputs[2] : names.value("\(stem).bias"))
            if !isKept { edit.initializers.append((inputs[2], Tensor(bias, shape: [bias.count]).converted(to: merged.weight.elementType))) }
        }
        edit.addedNodes = [Node(name: last.node.name, op: merged.op, inputs: inputs, outputs: last.node.outputs)]
        edit.initializers.append((weight, merged.weight))
        return edit
    }
}
