import WinnowGraph
import WinnowOperators
import WinnowTensor

extension GraphIndex {
    /// Whether a value stands for codes of 8 bits without blocks.
    func standsForBytes(_ value: ValueName?) -> Bool {
        guard let node = producer(of: value), let op = node.op as? DequantizeLinear, op.scaleAxis.blockSize == 0 else { return false }
        return info(of: node.input(0))?.elementType.bitWidth == 8
    }

    /// Whether a value stands for codes of 32 bits, as biases in steps of the sums do.
    func standsForSums(_ value: ValueName?) -> Bool {
        guard let node = producer(of: value), node.op is DequantizeLinear else { return false }
        return info(of: node.input(0))?.elementType == .int32
    }

    /// The sum that ONNX Runtime makes one Gemm of with the product in front, and what it adds: Add behind MatMul, Sum behind a Gemm without
    /// C (`MatMulAddFusion`, `GemmSumFusion` of 1.31). It looks at extents that have numbers or names; of data with more than two axes it
    /// makes a matrix where all have numbers and a row is added.
    func mergedSum(behind product: Node) -> (node: Node, other: ValueName)? {
        guard let output = product.output(0), let sum = soleConsumer(of: output), sum.inputs.count == 2,
            product.op is MatMul && sum.op is Add || product.op is Gemm && product.input(2) == nil && sum.op is Sum,
            let other = sum.inputs.first(where: { $0 != output }), let data = info(of: product.input(0))?.extents,
            info(of: product.input(1))?.rank == 2, let result = info(of: output)?.extents, let added = info(of: other)?.extents
        else { return nil }
        func areSame(_ a: Extent, _ b: Extent) -> Bool { a == b && !a.isNameless }
        guard data.count > 1, let columns = result.last, added.last.map({ areSame($0, columns) || $0 == 1 }) ?? false else { return nil }
        let isRow = areSame(added[added.count - 1], columns)
        if added.count == 1 { return isRow && (data.count == 2 || data.allSatisfy { $0.value != nil }) ? (sum, other) : nil }
        guard data.count == 2, added.count == 2 else { return nil }
        return areSame(added[0], result[0]) || isRow && added[0] == 1 ? (sum, other) : nil
    }

    /// The Transpose that ONNX Runtime makes one Gemm of with the Gemm without C in front: (A·B)ᵀ = Bᵀ·Aᵀ (`GemmTransposeFusion`).
    func mergedTranspose(behind product: Node) -> Node? {
        guard product.op is Gemm, product.input(2) == nil, let reader = soleConsumer(of: product.output(0)) else { return nil }
        return reader.op is Transpose ? reader : nil
    }
}

extension Graph {
    /// The graph in which Gemm between codes adds biases of int32 alone, and an Add does the rest: ONNX Runtime computes a Gemm with another
    /// C in float, and makes one of a MatMul and what is added behind it, but none of a Gemm and an Add. It computes the same.
    func addingBehindIntegers() throws -> Graph {
        let index = GraphIndex(self)
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for site in weightSites where site.inputIndex == 1 && index.standsForBytes(site.operand) && index.standsForBytes(site.node.input(0)) {
            var node = site.node
            if let gemm = node.op as? Gemm, let added = node.input(2) {
                guard gemm.beta == 1, !index.standsForSums(added), edit.removedNodes.insert(node.name).inserted else { continue }
                let product = names.value("\(node.name).product")
                let add = Node(name: names.node("\(node.name).add"), op: Add(), inputs: [product, added], outputs: node.outputs)
                (node.inputs, node.outputs) = (Array(node.inputs.prefix(2)), [product])
                edit.addedNodes += [node, add]
            } else if let (sum, other) = index.mergedSum(behind: node), infos[node.outputs[0]]?.rank == 2, !index.standsForSums(other) {
                var changed = node.op is MatMul ? node : sum
                changed.op = node.op is MatMul ? Gemm() : Add()
                if edit.removedNodes.insert(changed.name).inserted { edit.addedNodes.append(changed) }
            }
        }
        return edit.addedNodes.isEmpty ? self : try applying(edit)
    }
}
