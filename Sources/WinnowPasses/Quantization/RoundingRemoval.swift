import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Takes the rounding of values out of a graph: QuantizeLinear, what moves its codes, and DequantizeLinear of the same scale. What the
/// rounding limited in passing, Relu or Clip does.
struct RoundingRemoval {
    private let index: GraphIndex
    private let restored: RestoredLimits
    private let constants: Set<ValueName>
    private var names: FreshNames
    private var edit = GraphEdit()
    /// What values are without rounding, by the nodes that round them, in order.
    private var sources: [(quantize: Node, value: ValueName, limiter: String?)] = []
    private var places: [String: Int] = [:]
    /// Of codes that nodes move, by their value and scale: the type of their numbers, or why they stay codes.
    private var types: [String: Result<ElementType, Refusal>] = [:]
    /// Results of nodes that move numbers instead of codes, by node and scale.
    private var moved: [String: [ValueName]] = [:]
    /// Numbers of constant codes among those, by value and scale.
    private var decoded: [String: ValueName] = [:]
    /// Nodes that stand for DequantizeLinear until their readers read what they hand on.
    private var handingOn: Set<String> = []
    private var limits: [String: ClosedRange<Double>] = [:]
    private(set) var findings: [Finding] = []
    /// Why nodes that round or make numbers of codes stay, by their names.
    private(set) var refusals: [String: String] = [:]

    init(_ graph: Graph, _ choice: Dequantization.Limits, _ names: FreshNames) {
        index = GraphIndex(graph)
        restored = RestoredLimits(choice, index)
        constants = Set(graph.constantOrigins.keys)
        self.names = names
    }

    mutating func apply() throws -> Graph {
        for node in index.graph.nodes where node.input(0).map(constants.contains) == false {
            if node.op is DequantizeLinear {
                remove(node)
            } else if node.op is ArgMax || node.op is ArgMin {
                compareNumbers(node)
            }
        }
        guard !edit.addedNodes.isEmpty else { return index.graph }
        let (handingOn, limits) = (handingOn, limits)
        let result = try index.graph.applying(edit).removingDeadNodes().bypassing { node, index in
            node.op is Identity && handingOn.contains(node.name) || limits[node.name].map { index.lies(node.input(0), within: $0) } == true
        }
        findings = sources.map { finding($0.quantize, $0.limiter, in: result) }
        return result
    }

    /// Lets a DequantizeLinear hand on what was rounded.
    private mutating func remove(_ node: Node) {
        guard let codes = node.input(0), let target = index.info(of: node.output(0))?.elementType else { return }
        do throws(Refusal) {
            let type = try numberType(of: codes, as: node)
            guard let source = numbers(of: codes, as: node) else { return }
            edit.removedNodes.insert(node.name)
            handingOn.insert(node.name)
            let op: any Operator = type == target ? Identity() : Cast(to: target)
            edit.addedNodes.append(Node(name: node.name, op: op, inputs: [source], outputs: node.outputs))
        } catch { refusals[node.name] = error.reason }
    }

    /// The order of codes of one scale is that of their numbers.
    private mutating func compareNumbers(_ node: Node) {
        guard let codes = node.input(0), index.info(of: codes)?.elementType.isInteger == true, let quantize = quantizer(of: codes),
            let op = quantize.op as? QuantizeLinear
        else { return }
        guard index.info(of: quantize.input(1))?.shape?.elementCount == 1 else {
            refusals[quantize.name] = "\(node.name) (\(node.op.type)) compares its codes, which have several scales"
            return
        }
        let inverse = DequantizeLinear(axis: op.scaleAxis.axis, blockSize: op.scaleAxis.blockSize)
        let pair = Node(name: quantize.name, op: inverse, inputs: [codes] + quantize.inputs.dropFirst(), outputs: [])
        guard (try? numberType(of: codes, as: pair)) != nil, let source = numbers(of: codes, as: pair) else { return }
        var changed = node
        changed.inputs[0] = source
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(changed)
    }

    /// The node that makes codes which others at most move.
    private func quantizer(of codes: ValueName) -> Node? {
        var value = codes
        while let maker = index.producer(of: value) {
            if maker.op is QuantizeLinear { return maker }
            guard let place = Self.codes(movedBy: maker)?.first, let source = maker.input(place) else { return nil }
            value = source
        }
        return nil
    }

    /// The type of what codes stand for under the scale of a DequantizeLinear, as values that were never rounded. Throws where they stay codes:
    /// nothing is changed before all of them are known not to.
    private mutating func numberType(of codes: ValueName, as dequantize: Node) throws(Refusal) -> ElementType {
        if constants.contains(codes) {
            let numbers = index.info(of: dequantize.output(0) ?? dequantize.input(1))
            guard let numbers else { throw Refusal("the type of its numbers is not known") }
            return numbers.elementType
        }
        guard let maker = index.producer(of: codes) else { throw Refusal("nothing here makes its codes") }
        guard maker.op is QuantizeLinear || maker.op is DynamicQuantizeLinear else { return try movedType(of: codes, by: maker, as: dequantize) }
        guard index.rounds(maker, as: dequantize), let source = index.info(of: maker.input(0)) else {
            throw Refusal("\(maker.name) (\(maker.op.type)) makes its codes, under another scale")
        }
        if let objection = restored.objection(toRemoving: maker) {
            refusals[maker.name] = objection
            throw Refusal("\(maker.name) (\(maker.op.type)) makes its codes, and \(objection)")
        }
        return source.elementType
    }

    private mutating func movedType(of codes: ValueName, by maker: Node, as dequantize: Node) throws(Refusal) -> ElementType {
        let key = Self.key(codes, dequantize)
        if let known = types[key] { return try known.get() }
        do throws(Refusal) {
            let type = try self.type(ofNumbersMovedBy: maker, as: dequantize)
            types[key] = .success(type)
            return type
        } catch {
            types[key] = .failure(error)
            throw error
        }
    }

    private mutating func type(ofNumbersMovedBy maker: Node, as dequantize: Node) throws(Refusal) -> ElementType {
        let name = "\(maker.name) (\(maker.op.type))"
        guard let places = Self.codes(movedBy: maker), !places.isEmpty else { throw Refusal("\(name) makes its codes, and not by rounding numbers") }
        guard index.info(of: dequantize.input(1))?.shape?.elementCount == 1 else {
            throw Refusal("\(name) moves its codes, which have several scales")
        }
        var types: Set<ElementType> = []
        for place in places {
            guard let input = maker.input(place) else { throw Refusal("\(name) makes its codes of nothing") }
            types.insert(try numberType(of: input, as: dequantize))
        }
        guard let type = types.first, types.count == 1 else { throw Refusal("\(name) brings codes of numbers of several types together") }
        return type
    }

    /// What codes stand for under the scale of a DequantizeLinear, as a value that was never rounded, where they have a `numberType`.
    private mutating func numbers(of codes: ValueName, as dequantize: Node) -> ValueName? {
        if constants.contains(codes) { return constantNumbers(of: codes, as: dequantize) }
        guard let maker = index.producer(of: codes) else { return nil }
        let isSource = maker.op is QuantizeLinear || maker.op is DynamicQuantizeLinear
        return isSource ? source(of: maker) : movedNumbers(of: codes, by: maker, as: dequantize)
    }

    private mutating func source(of quantize: Node) -> ValueName? {
        guard let value = quantize.input(0), let type = index.info(of: value)?.elementType else { return nil }
        if let place = places[quantize.name] { return sources[place].value }
        places[quantize.name] = sources.count
        guard let own = restored.limits(of: quantize) else {
            sources.append((quantize, value, nil))
            return value
        }
        let limiter = Node(name: names.node("\(value).limit"), op: Relu(), inputs: [value], outputs: [names.value("\(value).limited")])
        edit.addedNodes.append(own.upperBound.isInfinite ? limiter : clipping(limiter, own, type))
        limits[limiter.name] = own
        sources.append((quantize, limiter.outputs[0], limiter.name))
        return limiter.outputs[0]
    }

    private mutating func clipping(_ limiter: Node, _ limits: ClosedRange<Double>, _ type: ElementType) -> Node {
        var node = limiter
        guard index.graph.metadata.version(of: "") >= 11 else {
            node.op = Clip(bounds: Clip.Bounds(low: Float(limits.lowerBound), high: Float(limits.upperBound)))
            return node
        }
        node.op = Clip()
        for (part, limit) in [("low", limits.lowerBound), ("high", limits.upperBound)] {
            let name = names.value("\(limiter.name).\(part)")
            edit.initializers.append((name, Tensor([limit], shape: [], as: type)))
            node.inputs.append(name)
        }
        return node
    }

    private mutating func constantNumbers(of codes: ValueName, as dequantize: Node) -> ValueName {
        let key = Self.key(codes, dequantize)
        if let known = decoded[key] { return known }
        let value = names.value("\(codes).numbers")
        edit.addedNodes.append(
            Node(name: names.node("\(codes).dequantize"), op: dequantize.op, inputs: [codes] + dequantize.inputs.dropFirst(), outputs: [value]))
        decoded[key] = value
        return value
    }

    private mutating func movedNumbers(of codes: ValueName, by maker: Node, as dequantize: Node) -> ValueName? {
        guard let own = Self.codes(movedBy: maker), let place = maker.outputs.firstIndex(of: codes) else { return nil }
        let key = Self.key(maker.name, dequantize)
        if let known = moved[key] { return known[place] }
        var copy = maker
        for place in own {
            guard let input = maker.input(place), let source = numbers(of: input, as: dequantize) else { return nil }
            copy.inputs[place] = source
        }
        if maker.op is Pad { padWithNumbers(&copy, as: dequantize) }
        if edit.removedNodes.insert(maker.name).inserted {
            // Its name goes with the numbers.
            var original = maker
            original.name = names.node("\(maker.name).codes")
            edit.addedNodes.append(original)
        } else {
            copy.name = names.node("\(maker.name).numbers")
        }
        copy.outputs = maker.outputs.map { $0.isEmpty ? "" : names.value("\($0).numbers") }
        edit.addedNodes.append(copy)
        moved[key] = copy.outputs
        return copy.outputs[place]
    }

    /// The inputs of a node whose result are codes of the same scale.
    private static func codes(movedBy node: Node) -> [Int]? {
        if node.op.quantization == .keepsScale { return [0] }
        // What lies beyond the region is a number that the operator names: a code among codes.
        if let resize = node.op as? Resize { return resize.resampling.coordinates == .region ? nil : [0] }
        if let pad = node.op as? Pad { return pad.pads == nil ? [0] : nil }
        return node.op is Concat ? Array(node.inputs.indices) : nil
    }

    /// What is padded with code 0, or another, is padded with the number of it.
    private mutating func padWithNumbers(_ node: inout Node, as dequantize: Node) {
        var code = node.input(2)
        if code == nil, let type = index.info(of: node.output(0))?.elementType {
            let zero = names.value("\(node.name).code")
            edit.initializers.append((zero, Tensor(zeros: [], type)))
            code = zero
        }
        guard let code else { return }
        let value = names.value("\(node.name).number")
        edit.addedNodes.append(
            Node(name: names.node("\(node.name).number"), op: dequantize.op, inputs: [code] + dequantize.inputs.dropFirst(), outputs: [value]))
        node.inputs = node.inputs.padded(to: 3)
        node.inputs[2] = value
    }

    private static func key(_ subject: String, _ dequantize: Node) -> String {
        ([subject] + dequantize.inputs.dropFirst()).joined(separator: "\n")
    }

    private func finding(_ quantize: Node, _ limiter: String?, in result: Graph) -> Finding {
        let value = quantize.inputs[0]
        var reason = quantize.op is DynamicQuantizeLinear ? "its range was that of each run" : "no codes between"
        if let limiter = limiter.flatMap({ result.node(named: $0) }), let limits = limits[limiter.name] {
            let range = limits.upperBound.isInfinite ? "0 and above" : "\(Float(limits.lowerBound)) to \(Float(limits.upperBound))"
            reason = "\(limiter.name) (\(limiter.op.type)) limits it to \(range), as its codes did"
        }
        let widths = [quantize.output(0), value].map { index.info(of: $0).map { Double($0.elementType.bitWidth) } }
        return Finding(value, .done, .elementSize, before: widths[0], after: widths[1], reason: reason)
    }
}

extension GraphIndex {
    /// Whether a DequantizeLinear makes the numbers again that a node rounded.
    fileprivate func rounds(_ maker: Node, as dequantize: Node) -> Bool {
        if maker.op is DynamicQuantizeLinear { return dequantize.input(1) == maker.output(1) && dequantize.input(2) == maker.output(2) }
        guard let own = maker.op as? QuantizeLinear, let other = dequantize.op as? DequantizeLinear, let scale = dequantize.input(1)
        else { return false }
        let isSame = maker.input(1) == scale || constant(maker.input(1)).map { $0.floats() == constant(scale)?.floats() } == true
        guard isSame, own.scaleAxis == other.scaleAxis || info(of: scale)?.shape?.elementCount == 1 else { return false }
        if maker.input(2) == dequantize.input(2) { return true }
        return zeroPoints(of: maker).map { $0 == zeroPoints(of: dequantize) } ?? false
    }

    /// Empty where all are 0; nil where they are no constants.
    private func zeroPoints(of node: Node) -> [Int]? {
        guard let name = node.input(2) else { return [] }
        return constant(name).map { $0.integers().contains { $0 != 0 } ? $0.integers() : [] }
    }
}
