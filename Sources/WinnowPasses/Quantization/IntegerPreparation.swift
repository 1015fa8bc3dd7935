import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph with layers in the forms that integer kernels take: Einsum as a product, weights as they are read, a matrix
    /// without leading axes of extent 1, Gemm without factors. It computes the same.
    func preparedForIntegers(where isWanted: (WeightSite) -> Bool) throws -> Graph {
        var graph = try writingEinsumsAsProducts(where: isWanted)
        for site in graph.weightSites where site.operand == site.tensor && !site.isQuantized && isWanted(site) {
            if let edit = graph.droppingUnitAxes(of: site) ?? graph.foldingFactors(into: site) { graph = try graph.applying(edit) }
        }
        return graph
    }

    /// A weight [1, …, K, N] as [K, N], where the data has as many axes as it has.
    private func droppingUnitAxes(of site: WeightSite) -> GraphEdit? {
        guard site.node.op is MatMul, let weight = initializers[site.tensor], weight.rank > 2,
            weight.shape.dropLast(2).allSatisfy({ $0 == 1 }),
            let rank = site.node.input(1 - site.inputIndex).flatMap({ infos[$0]?.rank }), rank >= weight.rank,
            GraphIndex(self).soleConsumer(of: site.tensor) != nil
        else { return nil }
        return GraphEdit(setting: [(site.tensor, weight.reshaped(Shape(Array(weight.shape.suffix(2)))))])
    }

    /// alpha · x·W + beta · b as x·(alpha · W) + (beta · b).
    private func foldingFactors(into site: WeightSite) -> GraphEdit? {
        let index = GraphIndex(self)
        guard var gemm = site.node.op as? Gemm, gemm.alpha != 1 || gemm.beta != 1,
            let weight = initializers[site.tensor], weight.elementType == .float32, index.soleConsumer(of: site.tensor) != nil
        else { return nil }
        var edit = GraphEdit(setting: [(site.tensor, weight.multiplied(by: gemm.alpha))])
        if let bias = site.node.input(2), gemm.beta != 1 {
            guard let tensor = initializers[bias], tensor.elementType == .float32, index.soleConsumer(of: bias) != nil else { return nil }
            edit.initializers.append((bias, tensor.multiplied(by: gemm.beta)))
        }
        (gemm.alpha, gemm.beta) = (1, 1)
        var changed = site.node
        changed.op = gemm
        edit.removedNodes = [changed.name]
        edit.addedNodes = [changed]
        return edit
    }

    /// What a layer reads as its weight.
    func weight(readBy site: WeightSite) throws -> Tensor? {
        if let tensor = initializers[site.operand] { return tensor }
        guard let rank = infos[site.operand]?.rank, let path = GraphIndex(self).weightPath(to: site.operand, rank: rank) else { return nil }
        return try computing(site.operand, by: path.nodes)
    }
}

extension Tensor {
    fileprivate func multiplied(by factor: Float) -> Tensor {
        var result = self
        result.withMutableElements(Float.self) { for index in $0.indices { $0[index] *= factor } }
        return result
    }
}
