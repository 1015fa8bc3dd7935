import WinnowGraph
import WinnowOperators
import WinnowTensor

/// The initializer that is added to a layer's outputs, one number for each, as numbers or as codes.
struct LayerBias {
    let tensor: ValueName
    private let encoded: EncodedWeight?

    /// What a value is read from; nil where others read that too.
    init?(_ value: ValueName, in index: GraphIndex) {
        encoded = EncodedWeight(of: value, in: index)
        guard let tensor = encoded == nil ? value : index.producer(of: value)?.input(0),
            let stored = index.graph.initializers[tensor],
            index.soleConsumer(of: tensor) != nil, index.soleConsumer(of: value) != nil, stored.rank == 1
        else { return nil }
        self.tensor = tensor
    }

    /// The bias that a layer takes itself, or the constant that the only node behind it adds to its last axis.
    init?(of site: WeightSite, in index: GraphIndex) {
        if let value = site.node.input(2) { self.init(value, in: index); return }
        guard let output = site.node.output(0), let next = index.soleConsumer(of: output), next.op is Add,
            !index.isOutput(output),
            let value = next.inputs.first(where: { $0 != output }), let stored = index.graph.initializers[value],
            site.node.op.axes(for: site.node.inputs.map { index.info(of: $0) }).endsWithOutput(of: site)
        else { return nil }
        self.init(value, in: index)
        guard stored.elementCount == index.info(of: site.operand)?.extents?[site.operandAxis ?? 0].value else { return nil }
    }

    func shifting(by shift: [Double], in graph: Graph) throws -> Graph {
        guard let stored = graph.initializers[tensor], stored.elementCount == shift.count else { return graph }
        let values = stored.doubles()
        let moved = values.indices.map { index -> Double in
            guard case .affine(let parameters)? = encoded?.meaning else { return values[index] + shift[index] }
            let step = Double(parameters.scales[min(index, parameters.scales.count - 1)])
            return min(max((values[index] + shift[index] / step).rounded(), -0x1p31), 0x1p31 - 1)
        }
        return try graph.settingInitializers([tensor: Tensor(moved, shape: stored.shape, as: stored.elementType)])
    }
}

extension GraphIndex {
    /// Whether numbers may be added to a layer's bias: it has one of its own, or none and takes one.
    func takesBias(_ site: WeightSite) -> Bool {
        guard type(of: site.node.op).maximumInputCount >= 3, site.inputIndex == 1 else { return false }
        guard let bias = site.node.input(2) else { return true }
        return graph.initializers[bias].map { $0.elementType == .float32 && $0.rank == 1 } == true
            && soleConsumer(of: bias) != nil
    }

    /// An edit that adds a number to each output of a layer that `takesBias`, or of one without a bias of its own whose outputs lie along the
    /// last axis: to the float32 constant that is added already, as a bias, or with an Add behind; nil where the bias has other numbers.
    func addingToBias(of site: WeightSite, _ shift: [Double], _ names: inout FreshNames) -> GraphEdit? {
        if let bias = LayerBias(of: site, in: self), let stored = constant(bias.tensor), stored.elementType == .float32 {
            let own = stored.elementCount == 1 ? [Double](repeating: stored.doubles()[0], count: shift.count) : stored.doubles()
            return own.count == shift.count ? GraphEdit(setting: [(bias.tensor, Tensor(zip(own, shift).map { Float($0 + $1) }))]) : nil
        }
        guard site.node.input(2) == nil, let output = site.node.output(0) else { return nil }
        var changed = site.node
        let name = names.value("\(changed.name).bias")
        var edit = GraphEdit(replacing: [changed.name], with: [])
        if takesBias(site) {
            changed.inputs = Array(changed.inputs.prefix(2)) + [name]
        } else {
            changed.outputs[0] = names.value("\(changed.name).product")
            edit.addedNodes = [Node(name: names.node("\(changed.name).add"), op: Add(), inputs: [changed.outputs[0], name], outputs: [output])]
        }
        edit.addedNodes.insert(changed, at: 0)
        edit.initializers = [(name, Tensor(shift.map { Float($0) }))]
        return edit
    }
}

extension AxisMap {
    /// Whether a weight's outputs lie along the last axis of what its node gives.
    fileprivate func endsWithOutput(of site: WeightSite) -> Bool {
        guard !isOpaque, let axis = site.operandAxis, inputs.indices.contains(site.inputIndex),
            inputs[site.inputIndex].indices.contains(axis), let last = outputs.first?.last
        else { return false }
        return last == inputs[site.inputIndex][axis]
    }
}
