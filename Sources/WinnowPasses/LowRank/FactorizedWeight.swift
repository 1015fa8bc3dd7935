import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A weight and the layers that take its layer's place.
struct FactorizedWeight {
    let site: WeightSite
    let split: LayerSplit

    init(
        _ target: WeightTarget, in graph: Graph, _ convolutions: any ConvolutionSplit.Type, _ rule: RankRule
    ) throws(Refusal) {
        let weight = target.stored
        guard weight.elementType == .float32 else { throw Refusal("it is \(weight.elementType), not float32") }
        if let holder = target.sites.lazy.compactMap(\.holder).first { throw Refusal("a body of \(holder) reads it") }
        guard let site = target.sites.first, GraphIndex(graph).soleConsumer(of: target.tensor)?.name == site.node.name else {
            throw Refusal("several nodes share it")
        }
        self.site = site
        if let form = site.node.op as? any MatrixForm {
            guard weight.rank == 2, site.inputIndex == 1, site.outputAxis != nil else { throw Refusal("it is no matrix on the right") }
            split = try Self.product(weight, form, rule)
        } else if let conv = site.node.op as? Conv {
            guard conv.groups == 1, weight.rank == 4 else { throw Refusal("grouped and non-planar convolutions are not split") }
            split = try convolutions.split(conv, weight, rule)
        } else {
            throw Refusal("\(site.node.op.type) is not split")
        }
    }

    /// x·A·B in the place of x·W.
    private static func product(_ weight: Tensor, _ form: some MatrixForm, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        let matrix = Matrix(weight.elements(Float.self) ?? [], rows: weight.shape[0], columns: weight.shape[1])
        let (left, right, energy) = try rule.factors(of: matrix)
        let factors = [left, right].map { Tensor($0.elements, shape: [$0.rows, $0.columns]) }
        let (first, second) = form.factored
        return LayerSplit(
            layers: form.transposesRight ? [(first, factors[1]), (second, factors[0])] : [(first, factors[0]), (second, factors[1])],
            ranks: [(left.columns, min(matrix.rows, matrix.columns))], energy: energy)
    }

    /// The edit that puts the layers in the node's place.
    func edit(_ fresh: inout FreshNames) -> GraphEdit {
        let node = site.node
        let places = ["first", "second", "third"].prefix(split.layers.count)
        let hidden = (1..<split.layers.count).map { fresh.value("\(node.name).hidden\($0 == 1 ? "" : "\($0)")") }
        let names = places.map { fresh.value("\(site.tensor).\($0)") }
        var edit = GraphEdit(replacing: [node.name], with: [])
        for (index, layer) in split.layers.enumerated() {
            let isLast = index == split.layers.count - 1
            let data = index == 0 ? node.inputs[1 - site.inputIndex] : hidden[index - 1]
            edit.addedNodes.append(
                Node(
                    name: isLast ? node.name : fresh.node("\(node.name).\(places[index])"), op: layer.op,
                    inputs: [data, names[index]] + (isLast ? Array(node.inputs.dropFirst(2)) : []),
                    outputs: isLast ? node.outputs : [hidden[index]]))
            edit.initializers.append((names[index], layer.weight))
        }
        return edit
    }
}
