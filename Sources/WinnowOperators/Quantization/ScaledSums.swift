import WinnowGraph
import WinnowTensor

/// Sums of codes that are cast to float32 and multiplied by a factor, and how that is the scale of the data times those of the filter.
private struct ScaledSums {
    /// One number; nil: 1.
    var source: ValueName?
    var filter: Scale
    /// The nodes behind the sums, and the value that they give.
    var nodes: [Node]
    var outputs: [ValueName]

    enum Scale {
        /// One number.
        case value(ValueName)
        /// One number, or one for each channel.
        case constant(Tensor)
    }
}

extension GraphIndex {
    /// Sums of codes as the contraction of dequantized operands that they are, whose scales multiply the sums. Throws `.unsupported`, and says
    /// why, where they are read otherwise.
    ///
    /// - Parameter filterAxis: the axis of the filter that has a scale for each index.
    func floatForm(of node: Node, by op: any Operator, filterAxis: Int) throws -> GraphEdit {
        if let edit = try dequantizedForm(of: node, by: op, filterAxis: filterAxis) { return edit }
        let sums = try scaledSums(of: node, trailing: filterAxis == 0 ? max(0, (info(of: node.input(1))?.rank ?? 2) - 2) : 0)
        guard let codes = node.input(0), let filter = node.input(1) else { throw Self.refusal("an operand is missing") }
        var edit = GraphEdit(replacing: [node.name] + sums.nodes.map(\.name), with: [])
        func name(_ part: String) -> ValueName { graph.freshValueName("\(node.name).\(part)") }
        func add(_ tensor: Tensor, _ part: String) -> ValueName {
            edit.initializers.append((name(part), tensor))
            return name(part)
        }
        func zeroPoint(_ place: Int) -> [ValueName] { [node.input(place)].compactMap { $0 } }
        guard zeroPoint(2).allSatisfy(isNumber) else { throw Self.refusal("its data has a zero point for each row") }
        let scale = sums.source ?? add(Tensor(scalar: Float(1)), "operand0.scale")
        var operands = [DequantizedOperand(op: DequantizeLinear(), inputs: [codes, scale] + zeroPoint(2))]
        switch sums.filter {
        case .value(let scale) where zeroPoint(3).allSatisfy(isNumber):
            operands.append(DequantizedOperand(op: DequantizeLinear(), inputs: [filter, scale] + zeroPoint(3)))
        case .value: throw Self.refusal("its filter has a zero point for each channel, and one scale that changes")
        case .constant(let scales) where scales.elementCount == 1 && zeroPoint(3).allSatisfy(isNumber):
            let scale = add(Tensor(scalar: scales.floats()[0]), "operand1.scale")
            operands.append(DequantizedOperand(op: DequantizeLinear(), inputs: [filter, scale] + zeroPoint(3)))
        case .constant(let scales):
            let zeroPoints = zeroPoint(3).map { constant($0) }
            guard let count = info(of: filter)?.extents.flatMap({ filterAxis < $0.count ? $0[filterAxis].value : nil }),
                let scales = scales.repeated(count), !zeroPoints.contains(where: { $0?.repeated(count) == nil })
            else { throw Self.refusal("its filter has not as many channels as scales and constant zero points") }
            let parameters = [add(scales, "operand1.scale")] + zeroPoints.compactMap { $0?.repeated(count) }.map { add($0, "operand1.zero_point") }
            operands.append(DequantizedOperand(op: DequantizeLinear(axis: filterAxis), inputs: [filter] + parameters))
        }
        let reals = operands.indices.map { name("operand\($0)") }
        edit.addedNodes = zip(operands, reals).map { Node(name: $1, op: $0.op, inputs: $0.inputs, outputs: [$1]) }
            + [Node(name: node.name, op: op, inputs: reals, outputs: sums.outputs)]
        return edit
    }

    private func scaledSums(of node: Node, trailing: Int) throws -> ScaledSums {
        guard let cast = soleConsumer(of: node.output(0)), (cast.op as? Cast)?.target == .float32,
            let scaling = soleConsumer(of: cast.output(0)), scaling.op is Mul, let factor = cast.otherInput(of: scaling)
        else { throw Self.refusal("its sums are not cast to float32 and multiplied by scales, or are read otherwise too") }
        func sums(_ source: ValueName?, _ filter: ScaledSums.Scale) -> ScaledSums {
            ScaledSums(source: source, filter: filter, nodes: [cast, scaling], outputs: scaling.outputs)
        }
        let (left, right) = (scale(ofCodes: node.input(0)), scale(ofCodes: node.input(1)))
        if let left, let right, isProduct(factor, left, right) { return sums(left, .value(right)) }
        if factor == left { return sums(left, .constant(Tensor(scalar: Float(1)))) }
        if let product = producer(of: factor), product.op is Mul, product.inputs.count == 2 {
            let pairs = [(product.inputs[0], product.inputs[1]), (product.inputs[1], product.inputs[0])]
            // Any number may be the data's: what rounded them is found again by its own.
            let ordered = pairs.filter { $0.0 == left } + pairs.filter { $0.0 != left }
            for (source, rest) in ordered where isNumber(source) {
                if let filter = filterScale(rest, trailing: trailing) { return sums(source, filter) }
            }
        }
        if let left, let step = constant(left)?.floats().first, step.isNormal, let scales = channelScales(factor, trailing: trailing) {
            return sums(left, .constant(Tensor(scales.floats().map { $0 / step }, shape: scales.shape)))
        }
        if let filter = filterScale(factor, trailing: trailing) { return sums(nil, filter) }
        throw Self.refusal("what its sums are multiplied by is neither one number nor constant scales of its channels")
    }

    private static func refusal(_ reason: String) -> WinnowError { WinnowError(.unsupported, "", reason) }

    private func isNumber(_ value: ValueName?) -> Bool { info(of: value)?.shape?.elementCount == 1 }

    private func filterScale(_ value: ValueName, trailing: Int) -> ScaledSums.Scale? {
        if let scales = channelScales(value, trailing: trailing) { return .constant(scales) }
        return isNumber(value) ? .value(value) : nil
    }

    /// A constant that is one number, or has one for each index of the axis before the last `trailing`.
    private func channelScales(_ value: ValueName, trailing: Int) -> Tensor? {
        guard let scales = constant(value), scales.elementType == .float32,
            scales.elementCount == 1 || scales.shape.dropLast(trailing).last == scales.elementCount
        else { return nil }
        return scales
    }

    /// The scale, one number, under which a node makes codes.
    private func scale(ofCodes codes: ValueName?) -> ValueName? {
        guard let maker = producer(of: codes) else { return nil }
        let scale = maker.op is DynamicQuantizeLinear ? maker.output(1) : maker.op is QuantizeLinear ? maker.input(1) : nil
        return isNumber(scale) ? scale : nil
    }

    private func isProduct(_ value: ValueName, _ a: ValueName, _ b: ValueName) -> Bool {
        if let product = producer(of: value) { return product.op is Mul && product.inputs.sorted() == [a, b].sorted() }
        guard let number = constant(value), number.elementCount == 1, let a = constant(a)?.floats().first, let b = constant(b)?.floats().first
        else { return false }
        return number.floats()[0] == a * b
    }
}

/// A DequantizeLinear that is to be.
private struct DequantizedOperand {
    let op: DequantizeLinear
    let inputs: [ValueName]
}
