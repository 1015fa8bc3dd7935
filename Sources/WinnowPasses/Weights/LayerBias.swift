import WinnowGraph
import WinnowOperators
import WinnowTensor

/// The initializer that is added to a layer's outputs, a number for each or one for all, as numbers or as codes.
struct LayerBias {
    /// Why a layer has none that numbers could be added to.
    enum Refusal: String, Error {
        case absent = "there is no bias"
        case shared = "its bias is no constant of its own"
        case unused = "its beta of 0 leaves its bias out"
        case elsewhere = "its bias does not lie along its outputs"
        case coded = "its bias is stored as codes of another kind"
    }

    let tensor: ValueName
    /// The number of outputs.
    var count: Int { shape[axis] }
    /// Whether one number is that of all outputs, so that it becomes several when they move.
    var isSpread: Bool { shape.elementCount != storedCount }

    private let encoded: EncodedWeight?
    private let storedCount: Int
    /// With the axis along which the outputs lie.
    private let shape: Shape
    private let axis: Int
    /// What the layer multiplies it with.
    private let factor: Double

    /// The bias that a layer takes itself, or the constant that the only node behind it adds.
    init(of site: WeightSite, in index: GraphIndex) throws(Refusal) {
        let (own, added) = (site.node.input(2), index.constantAdded(behind: site))
        guard let value = own ?? added else { throw .absent }
        factor = own == nil ? 1 : Double(site.node.op.factors.bias)
        guard factor != 0 else { throw .unused }
        encoded = EncodedWeight(of: value, in: index)
        guard let tensor = encoded == nil ? value : index.producer(of: value)?.input(0), let stored = index.graph.initializers[tensor],
            index.soleConsumer(of: tensor) != nil, index.soleConsumer(of: value) != nil
        else { throw own == nil ? .absent : .shared }
        // The C of a product broadcasts to it like what is added behind; other layers have a number for each output.
        let broadcasts = own == nil || site.node.op is any MatrixForm
        guard let extents = index.info(of: site.operand)?.extents, let outputAxis = site.operandAxis,
            let place = broadcasts ? index.graph.outputPlace(of: site) : stored.rank,
            let count = broadcasts ? extents[outputAxis].value : stored.elementCount,
            let (shape, axis) = stored.shape.spread(to: count, fromEnd: place), broadcasts || stored.rank == 1
        else { throw .elsewhere }
        if let encoded {
            guard case .affine(let parameters) = encoded.meaning, shape == stored.shape, stored.rank == 1,
                [1, count].contains(parameters.scales.count)
            else { throw .coded }
        }
        (self.tensor, storedCount, self.shape, self.axis) = (tensor, stored.elementCount, shape, axis)
    }

    /// The bias by which the layer's outputs move so far, each by its own.
    func shifted(_ stored: Tensor, by shift: [Double]) -> Tensor {
        let values = stored.doubles()
        let inner = shape.dropFirst(axis + 1).reduce(1, *)
        let moved = (0..<shape.elementCount).map { place -> Double in
            let (channel, value) = (place / inner % count, values[values.count == 1 ? 0 : place])
            guard case .affine(let parameters)? = encoded?.meaning else { return value + shift[channel] / factor }
            let step = Double(parameters.scales[min(channel, parameters.scales.count - 1)])
            return (value + shift[channel] / (step * factor)).rounded()
        }
        return Tensor(moved, shape: shape, as: stored.elementType)
    }

    /// Throws `.shape` for another number of outputs.
    func shifting(by shift: [Double], in graph: Graph) throws -> Graph {
        guard let stored = graph.initializers[tensor], shift.count == count else {
            throw WinnowError(.shape, tensor, "is no bias of \(shift.count) outputs")
        }
        return try graph.settingInitializers([tensor: shifted(stored, by: shift)])
    }

    /// Whether it is float32 numbers.
    func isFloat32(in graph: Graph) -> Bool { encoded == nil && graph.initializers[tensor]?.elementType == .float32 }
}

extension GraphIndex {
    /// Whether numbers may be added to a layer's bias: it has one of its own, or none and takes one.
    func takesBias(_ site: WeightSite) -> Bool {
        guard type(of: site.node.op).maximumInputCount >= 3, site.inputIndex == 1, site.node.op.factors.bias != 0 else { return false }
        guard site.node.input(2) != nil else { return true }
        return (try? LayerBias(of: site, in: self))?.isFloat32(in: graph) == true
    }

    /// An edit that adds a number to each output of a layer that `takesBias`, or of one without a bias of its own whose outputs lie along the
    /// last axis: to the float32 constant that is added already, as a bias, or with an Add behind; nil where the bias has other numbers.
    func addingToBias(of site: WeightSite, _ shift: [Double], _ names: inout FreshNames) -> GraphEdit? {
        if let bias = try? LayerBias(of: site, in: self), bias.isFloat32(in: graph), let stored = graph.initializers[bias.tensor] {
            return bias.count == shift.count ? GraphEdit(setting: [(bias.tensor, bias.shifted(stored, by: shift))]) : nil
        }
        guard site.node.input(2) == nil, let output = site.node.output(0) else { return nil }
        var (changed, added) = (site.node, shift)
        let name = names.value("\(changed.name).bias")
        var edit = GraphEdit(replacing: [changed.name], with: [])
        if takesBias(site) {
            changed.inputs = Array(changed.inputs.prefix(2)) + [name]
            added = shift.map { $0 / Double(site.node.op.factors.bias) }
        } else {
            changed.outputs[0] = names.value("\(changed.name).product")
            edit.addedNodes = [Node(name: names.node("\(changed.name).add"), op: Add(), inputs: [changed.outputs[0], name], outputs: [output])]
        }
        edit.addedNodes.insert(changed, at: 0)
        edit.initializers = [(name, Tensor(added.map { Float($0) }))]
        return edit
    }

    /// What the only node behind a layer without a bias of its own adds, if that is constant.
    fileprivate func constantAdded(behind site: WeightSite) -> ValueName? {
        guard let output = site.node.output(0), let next = soleConsumer(of: output), next.op is Add, !isOutput(output),
            let value = next.inputs.first(where: { $0 != output }), graph.initializers[value] != nil
        else { return nil }
        return value
    }
}

extension Shape {
    /// The shape in which a constant that broadcasts has a number for each of `count` places along an axis, and that axis; nil where it has
    /// other numbers along another.
    fileprivate func spread(to count: Int, fromEnd place: Int) -> (shape: Shape, axis: Int)? {
        guard place > 0 else { return nil }
        var extents = [Int](repeating: 1, count: Swift.max(0, place - rank)) + self.extents
        let axis = extents.count - place
        guard extents[axis] != count else { return (Shape(extents), axis) }
        guard elementCount == 1 else { return nil }
        extents[axis] = count
        return (Shape(extents), axis)
    }
}
