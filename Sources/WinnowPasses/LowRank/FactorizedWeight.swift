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
        guard let site = target.sites.first, GraphIndex(graph).soleConsumer(of: target.tensor)?.name == site.node.name else {
            throw Refusal("several nodes share it")
        }
        self.site = site
        switch site.node.op {
        case is MatMul, is Gemm:
            guard weight.rank == 2, site.inputIndex == 1, let axis = site.outputAxis else {
                throw Refusal("it is no matrix on the right")
            }
            split = try Self.product(weight, site.node.op, transposed: axis == 0, rule)
        case let conv as Conv:
            guard conv.groups == 1, weight.rank == 4 else {
                throw Refusal("grouped and non-planar convolutions are not split")
            }
            split = try convolutions.split(conv, weight, rule)
        default: throw Refusal("\(site.node.op.type) is not split")
        }
    }

    /// x·A·B in the place of x·W; `transposed`: the weight is (outputs, inputs).
    private static func product(_ weight: Tensor, _ op: any Operator, transposed: Bool, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        let matrix = Matrix(weight.elements(Float.self) ?? [], rows: weight.shape[0], columns: weight.shape[1])
        let (left, right, energy) = try rule.factors(of: matrix)
        let a = Tensor(left.elements, shape: [left.rows, left.columns])
        let b = Tensor(right.elements, shape: [right.rows, right.columns])
        var ops: [any Operator] = [MatMul(), MatMul()]
        if let gemm = op as? Gemm {
            var first = Gemm(transposesLeft: gemm.transposesLeft, transposesRight: transposed)
            first.beta = 1
            ops = [first, Gemm(transposesRight: transposed, alpha: gemm.alpha, beta: gemm.beta)]
        }
        let weights = transposed ? [b, a] : [a, b]
        return LayerSplit(
            layers: Array(zip(ops, weights)).map { ($0, $1) }, ranks: [(left.columns, min(matrix.rows, matrix.columns))], energy: energy)
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
