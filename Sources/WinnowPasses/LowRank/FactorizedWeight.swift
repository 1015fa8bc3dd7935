import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A weight as the matrix that is decomposed, and the two layers its factors become.
struct FactorizedWeight {
    private enum Form {
        /// x·A·B; `transposed`: the weight is (outputs, inputs).
        case product(transposed: Bool)
        case channel(Conv)
        case spatial(Conv)
    }

    let site: WeightSite
    let matrix: Matrix<Float>
    private let form: Form
    private let shape: Shape

    init(_ target: WeightTarget, in graph: Graph, mode: SVDFactorization.ConvolutionMode) throws(Refusal) {
        let weight = target.stored
        guard let values = weight.elements(Float.self) else { throw Refusal("it is \(weight.elementType), not float32") }
        guard let site = target.sites.first, GraphIndex(graph).soleConsumer(of: target.tensor)?.name == site.node.name else {
            throw Refusal("several nodes share it")
        }
        self.site = site
        shape = weight.shape
        switch site.node.op {
        case is MatMul, is Gemm:
            guard weight.rank == 2, site.inputIndex == 1, let axis = site.outputAxis else {
                throw Refusal("it is no matrix on the right")
            }
            form = .product(transposed: axis == 0)
            matrix = Matrix(values, rows: shape[0], columns: shape[1])
        case let conv as Conv:
            guard conv.groups == 1, weight.rank == 4 else {
                throw Refusal("grouped and non-planar convolutions are not split")
            }
            let rest = shape[1] * shape[2] * shape[3]
            switch mode {
            case .none: throw Refusal("convolutions are not to be split")
            case .channel:
                form = .channel(conv)
                matrix = Matrix(values, rows: shape[0], columns: rest)
            case .spatial:
                guard conv.window.autoPad == .explicit else { throw Refusal("its padding depends on the input") }
                guard shape[2] > 1 || shape[3] > 1 else { throw Refusal("it is 1×1") }
                form = .spatial(conv)
                let turned = weight.transposed([1, 2, 0, 3]).elements(Float.self) ?? []
                matrix = Matrix(turned, rows: shape[1] * shape[2], columns: shape[0] * shape[3])
            }
        default: throw Refusal("\(site.node.op.type) is not split")
        }
    }

    /// The edit that puts two layers in the node's place, matrix = left · right.
    func edit(left: Matrix<Float>, right: Matrix<Float>, _ fresh: inout FreshNames) throws -> GraphEdit {
        let rank = left.columns
        let node = site.node
        let data = node.inputs[1 - site.inputIndex]
        let hidden = fresh.value("\(node.name).hidden")
        let names = [fresh.value("\(site.tensor).first"), fresh.value("\(site.tensor).second")]
        let (first, second, ops) = try layers(left, right, rank)
        var edit = GraphEdit(
            replacing: [node.name],
            with: [
                Node(name: fresh.node("\(node.name).first"), op: ops.0, inputs: [data, names[0]], outputs: [hidden]),
                Node(
                    name: node.name, op: ops.1, inputs: [hidden, names[1]] + node.inputs.dropFirst(2),
                    outputs: node.outputs),
            ])
        edit.initializers = [(names[0], first), (names[1], second)]
        return edit
    }

    private func layers(
        _ left: Matrix<Float>, _ right: Matrix<Float>, _ rank: Int
    ) throws -> (Tensor, Tensor, (any Operator, any Operator)) {
        let a = Tensor(left.elements, shape: [left.rows, rank])
        let b = Tensor(right.elements, shape: [rank, right.columns])
        switch form {
        case .product(let transposed):
            guard let gemm = site.node.op as? Gemm else { return (a, b, (MatMul(), MatMul())) }
            var first = Gemm(transposesLeft: gemm.transposesLeft, transposesRight: transposed)
            first.beta = 1
            let second = Gemm(transposesRight: transposed, alpha: gemm.alpha, beta: gemm.beta)
            return transposed ? (b, a, (first, second)) : (a, b, (first, second))
        case .channel(let conv):
            return (
                b.reshaped([rank, shape[1], shape[2], shape[3]]), a.reshaped([shape[0], rank, 1, 1]),
                (conv, Conv(stride: 1, padding: 0))
            )
        case .spatial(let conv):
            let window = conv.window
            func part(_ axis: Int) -> Conv {
                func along(_ values: [Int]?, _ other: Int) -> [Int] {
                    var result = [other, other]
                    result[axis] = values?[axis] ?? 1
                    return result
                }
                let pads = window.pads ?? [0, 0, 0, 0]
                var own = [0, 0, 0, 0]
                (own[axis], own[axis + 2]) = (pads[axis], pads[axis + 2])
                var extents = [1, 1]
                extents[axis] = shape[2 + axis]
                return Conv(
                    window: Window(
                        extents: extents, strides: along(window.strides, 1), dilations: along(window.dilations, 1),
                        pads: own))
            }
            let vertical = a.reshaped([shape[1], shape[2], rank, 1]).transposed([2, 0, 1, 3])
            let horizontal = b.reshaped([rank, shape[0], 1, shape[3]]).transposed([1, 0, 2, 3])
            return (vertical, horizontal, (part(0), part(1)))
        }
    }
}
