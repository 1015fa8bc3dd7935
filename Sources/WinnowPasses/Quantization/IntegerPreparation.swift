import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph with layers in the forms that integer kernels take: Einsum as a product, weights as they are read, those that layers
    /// share once, a matrix without leading axes of extent 1, Gemm without factors. It computes the same.
    func preparedForIntegers(where isWanted: (WeightSite) -> Bool) throws -> Graph {
        let wanted = Set(weightSites.filter { !$0.isQuantized && isWanted($0) }.map(\.tensor))
        var graph = try sharingReadings(of: wanted).writingEinsumsAsProducts(where: isWanted)
        var index = GraphIndex(graph)
        graph = try graph.changingNodes(of: graph.weightSites.filter { $0.operand == $0.tensor && !$0.isQuantized && isWanted($0) }) { site in
            index.graph.droppingUnitAxes(of: site, in: index) ?? index.graph.foldingFactors(into: site, in: index)
        }
        index = GraphIndex(graph)
        let origins = graph.constantOrigins
        var names = FreshNames(graph)
        graph = try graph.changingNodes(of: graph.weightSites.filter { !$0.isQuantized && isWanted($0) }) { site in
            index.graph.storingBias(of: site, origins, &names) ?? index.graph.bringingBias(into: site, in: index, origins, &names)
        }
        index = GraphIndex(graph)
        for node in graph.nodes {
            guard let edit = try (node.op as? any RuntimeForm)?.runtimeForm(of: node, in: index) else { continue }
            graph = try graph.applying(edit)
            index = GraphIndex(graph)
        }
        return graph
    }

    /// The graph with one edit at most of each node.
    private func changingNodes(of sites: [WeightSite], _ edit: (WeightSite) -> GraphEdit?) throws -> Graph {
        var (edits, done): ([GraphEdit], Set<String>) = ([], [])
        for site in sites where !done.contains(site.node.name) {
            guard let edit = edit(site) else { continue }
            edits.append(edit)
            done.insert(site.node.name)
        }
        return edits.isEmpty ? self : try applying(edits)
    }

    /// A bias that nodes make of constants, as they make it.
    private func storingBias(of site: WeightSite, _ origins: [ValueName: ValueName], _ names: inout FreshNames) -> GraphEdit? {
        guard site.node.op.quantization == .contraction, let bias = site.node.input(2), initializers[bias] == nil,
            origins[bias] != nil, let tensor = constantValue(of: bias), tensor.elementType == .float32
        else { return nil }
        var changed = site.node
        changed.inputs[2] = names.value("\(site.node.name).bias")
        var edit = GraphEdit(replacing: [site.node.name], with: [changed])
        edit.initializers = [(changed.inputs[2], tensor)]
        return edit
    }

    /// x·W + b of matrices as one Gemm: runtimes make it of both, and then ask for the bias in steps of the sums.
    private func bringingBias(
        into site: WeightSite, in index: GraphIndex, _ origins: [ValueName: ValueName], _ names: inout FreshNames
    ) -> GraphEdit? {
        guard site.node.op is MatMul, site.inputIndex == 1, let data = site.node.input(0), infos[data]?.rank == 2,
            infos[site.operand]?.rank == 2
        else { return nil }
        guard let product = site.node.output(0), let add = index.soleConsumer(of: product), add.op is Add,
            let sum = add.output(0), infos[sum]?.extents == infos[product]?.extents,
            let other = add.inputs.first(where: { $0 != product }), origins[other] != nil,
            let bias = constantValue(of: other), bias.elementType == .float32,
            let channels = infos[site.operand]?.extents?[1].value, bias.elementCount == channels, bias.shape.last == channels
        else { return nil }
        let isStored = initializers[other] != nil && bias.rank == 1
        let name = isStored ? other : names.value("\(site.node.name).bias")
        var edit = GraphEdit(replacing: [site.node.name, add.name], with: [
            Node(name: site.node.name, op: Gemm(), inputs: [data, site.operand, name], outputs: [sum], notes: site.node.notes)
        ])
        if !isStored { edit.initializers = [(name, bias.reshaped([channels]))] }
        return edit
    }

    /// A weight [1, …, K, N] as [K, N], where the data has as many axes as it has.
    private func droppingUnitAxes(of site: WeightSite, in index: GraphIndex) -> GraphEdit? {
        guard site.node.op is MatMul, let weight = initializers[site.tensor], weight.rank > 2,
            weight.shape.dropLast(2).allSatisfy({ $0 == 1 }),
            let rank = site.node.input(1 - site.inputIndex).flatMap({ infos[$0]?.rank }), rank >= weight.rank,
            index.soleConsumer(of: site.tensor) != nil
        else { return nil }
        return GraphEdit(setting: [(site.tensor, weight.reshaped(Shape(Array(weight.shape.suffix(2)))))])
    }

    /// alpha · x·W + beta · b as x·(alpha · W) + (beta · b).
    private func foldingFactors(into site: WeightSite, in index: GraphIndex) -> GraphEdit? {
        guard var gemm = site.node.op as? Gemm, !gemm.hasNoFactors, let weight = initializers[site.tensor],
            weight.elementType == .float32, index.soleConsumer(of: site.tensor) != nil
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
