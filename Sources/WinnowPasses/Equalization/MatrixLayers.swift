import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// The layers of a graph that multiply rows with one matrix, and the normalizations between them.
struct MatrixLayers {
    let graph: Graph
    let index: GraphIndex
    private let layers: [String: WeightSite]
    private let kept: [ValueName: String]

    /// - Parameter selection: of weights that may change.
    init(_ graph: Graph, _ selection: Selection) {
        (self.graph, index) = (graph, GraphIndex(graph))
        let sites = graph.weightSites
        let own = sites.filter { site in
            guard let form = site.node.op as? any MatrixForm, site.inputIndex == 1, site.operand == site.tensor, site.holder == nil else { return false }
            return !form.transposesLeft && form.hasNoFactors && graph.initializers[site.tensor]?.rank == 2
                && site.outputAxis != nil && site.summedAxis != nil
        }
        layers = Dictionary(own.map { ($0.node.name, $0) }, uniquingKeysWith: { first, _ in first })
        kept = Dictionary(sites.compactMap { site in selection.reason(against: site).map { (site.tensor, $0) } }, uniquingKeysWith: { first, _ in first })
    }

    var sites: [WeightSite] { graph.nodes.compactMap { layers[$0.name] } }
    func layer(_ node: Node) -> WeightSite? { layers[node.name] }

    /// A constant that may change.
    func operand(_ tensor: ValueName, _ axis: Int?) throws(RotatableValues.Refusal) -> RotatableValues.Operand {
        if let reason = kept[tensor] { throw RotatableValues.Refusal(reason: "\(tensor): \(reason)") }
        guard let axis, let stored = graph.initializers[tensor], stored.elementType == .float32, index.soleConsumer(of: tensor) != nil else {
            throw RotatableValues.Refusal(reason: "\(tensor) is read by others too, or is not float32")
        }
        if let reason = stored.finiteness { throw RotatableValues.Refusal(reason: "\(tensor): \(reason)") }
        return RotatableValues.Operand(tensor: tensor, axis: axis)
    }

    /// A layer that reads a value as its data alone, with its weight, if that may change.
    func reader(_ node: Node, of value: ValueName) -> (site: WeightSite, operand: RotatableValues.Operand)? {
        guard let site = layer(node), node.input(0) == value, node.inputs.count(where: { $0 == value }) == 1,
            let operand = try? operand(site.tensor, site.summedAxis)
        else { return nil }
        return (site, operand)
    }

    func normalizesLastAxis(_ node: Node) -> Bool {
        guard let axis = (node.op as? any RowNormalization)?.axis, let rank = index.info(of: node.input(0))?.rank,
            node.outputs.dropFirst().allSatisfy(\.isEmpty)
        else { return false }
        return axis == -1 || axis == rank - 1
    }

    func scaleAndShift(_ node: Node) -> (scale: Tensor, shift: Tensor?)? {
        guard let scale = index.constant(node.input(1)), scale.rank == 1, scale.elementType == .float32 else { return nil }
        guard let shift = node.input(2) else { return (scale, nil) }
        return index.constant(shift).flatMap { $0.shape == scale.shape ? (scale, $0) : nil }
    }

    /// Whether a normalization has the same scale for all, and no shift.
    func isPlain(_ node: Node) -> Bool {
        guard let (scale, shift) = scaleAndShift(node), let first = scale.floats().first else { return false }
        return scale.floats().allSatisfy { $0 == first } && (shift?.floats().allSatisfy { $0 == 0 } ?? true)
    }

    /// Whether layers alone read a normalization, so that they may take its scale and shift.
    func mayMoveScale(of node: Node) -> Bool {
        guard let value = node.output(0), !index.isOutput(value), scaleAndShift(node) != nil else { return false }
        return index.consumers(of: value).allSatisfy { node in
            reader(node, of: value).map { node.input(2) == nil || index.takesBias($0.site) } ?? false
        }
    }

    /// The graph in which layers have taken scale and shift of the normalizations before them.
    func movingScales(of normalizations: [Node]) throws -> Graph {
        var (edit, biases, names) = (GraphEdit(), [GraphEdit](), FreshNames(graph))
        for node in normalizations {
            guard let (scale, shift) = scaleAndShift(node), let value = node.output(0) else { continue }
            for reader in index.consumers(of: value) {
                guard let site = layer(reader), let axis = site.summedAxis, let outputs = site.outputAxis, let weight = graph.initializers[site.tensor]
                else { continue }
                edit.initializers.append((site.tensor, weight.scaled(by: scale.doubles(), axis: axis).spilled()))
                guard let shift, shift.floats().contains(where: { $0 != 0 }) else { continue }
                var sums = [Double](repeating: 0, count: weight.shape[outputs])
                let (numbers, strides, shifts) = (weight.floats(), weight.shape.strides, shift.doubles())
                for row in shifts.indices where shifts[row] != 0 {
                    for column in sums.indices { sums[column] += shifts[row] * Double(numbers[row * strides[axis] + column * strides[outputs]]) }
                }
                if let bias = index.addingToBias(of: site, sums, &names) { biases.append(bias) }
            }
            var changed = node
            for (place, tensor) in [(1, Tensor(repeating: Float(1), shape: scale.shape))] + (shift.map { [(2, Tensor(zeros: $0.shape))] } ?? []) {
                changed.inputs[place] = names.value("\(node.name).\(place == 1 ? "scale" : "shift")")
                edit.initializers.append((changed.inputs[place], tensor))
            }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(changed)
        }
        return edit.addedNodes.isEmpty ? graph : try graph.applying([edit] + biases).removingDeadNodes()
    }

    /// All values that may be rotated, each once, and why inputs of layers may not, by the layers' weights.
    var found: (all: [RotatableValues], refused: [ValueName: String]) {
        var (all, refused): ([RotatableValues], [ValueName: String]) = ([], [:])
        for site in sites {
            guard let value = site.node.input(0), !all.contains(where: { $0.values.contains(value) }) else { continue }
            do throws(RotatableValues.Refusal) { all.append(try RotatableValues(from: value, in: self)) } catch { refused[site.tensor] = error.reason }
        }
        return (all, refused)
    }
}
