package import WinnowGraph
import WinnowKernels
import WinnowTensor

extension MatrixProduct {
    /// A product with a matrix that is stored as codes, which then stay codes.
    package func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let constant = CodedConstant(node.input(1), in: graph), graph.isRows(node.input(0)),
            !transposesLeft || graph.info(of: node.input(0))?.rank == 1,
            let packed = constant.packed(transposed: transposesRight, factor: alpha)
        else { return nil }
        return CodedMatMul.edit(
            node, packed, .exact, bias: node.input(2), residual: node.input(3), activation: activation, in: graph)
    }
}

extension MatMul {
    package func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try MatrixProduct().packing(of: node, in: graph) }
}

extension FusedMatMul {
    package func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try product.packing(of: node, in: graph) }
}

extension Gemm {
    package func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        if let term = node.input(2) {
            guard beta == 1, let width = graph.info(of: node.output(0))?.extents?.last, let extents = graph.info(of: term)?.extents,
                extents == [width] || extents == [.fixed(1), width]
            else { return nil }
        }
        return try product.packing(of: node, in: graph)
    }
}

extension MatMulNBits {
    package func packing(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard graph.isRows(node.input(0)), let packed = packed(node, in: graph) else { return nil }
        return CodedMatMul.edit(node, packed, allowsBytes ? .bytes : .exact, bias: node.input(5), in: graph)
    }
}

extension CodedMatMul {
    /// The edit that puts a product with a packed matrix in the place of a node.
    fileprivate static func edit(
        _ node: Node, _ packed: PackedConstant, _ precision: CodedProductKernel.Precision, bias: ValueName?, residual: ValueName? = nil,
        activation: Activation? = nil, in graph: GraphIndex
    ) -> GraphEdit {
        let constants = packed.operands.map { part, tensor in
            tensor.map { (name: graph.graph.freshValueName("\(node.name).\(part)"), tensor: $0) }
        }
        let inputs = ([node.inputs[0]] + constants.map { $0?.name ?? "" } + [bias ?? "", residual ?? ""]).withoutMissingEnd
        let op = CodedMatMul(packed.matrix, precision: precision, activation: activation)
        var edit = GraphEdit(
            replacing: [node.name], with: [Node(name: node.name, op: op, inputs: inputs, outputs: node.outputs, notes: node.notes)])
        edit.initializers = constants.compactMap { $0 }
        return edit
    }
}

extension GraphIndex {
    /// Whether a value is rows of floats whose width is known, and no constant.
    fileprivate func isRows(_ value: ValueName?) -> Bool {
        guard let info = info(of: value), constant(value) == nil, info.elementType == .float32 || info.elementType == .float16 else { return false }
        return info.extents?.last?.value != nil
    }
}
