package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// A tensor of a graph that is stored, or passed on, as integer codes.
package struct CodedTensor: Sendable {
    /// Its name before it became codes.
    package let name: ValueName
    package let parameters: QuantizationParameters
    /// As the codes have it; nil: an activation.
    package let shape: Shape?
}

extension Graph {
    /// All tensors that are codes with constant scales, weights and activations in node order; not biases, whose scales follow
    /// from others, nor indices of tables.
    package var codedTensors: [CodedTensor] {
        var (result, places, contradicted): ([CodedTensor], [ValueName: Int], Set<ValueName>) = ([], [:], [])
        for tensor in allCodedTensors {
            if let place = places[tensor.name] {
                if result[place].parameters != tensor.parameters { contradicted.insert(tensor.name) }
            } else {
                places[tensor.name] = result.count
                result.append(tensor)
            }
        }
        // What is read along several axes has several encodings, and no name tells which.
        return result.filter { !contradicted.contains($0.name) }
    }

    private var allCodedTensors: [CodedTensor] {
        let index = GraphIndex(self)
        return nodes.flatMap { node -> [CodedTensor] in
            let bodies = node.op.bodies.sorted { $0.key < $1.key }.flatMap(\.value.allCodedTensors)
            if node.op is MatMulNBits || node.op is GatherBlockQuantized || node.op is Mul { return index.packedTensor(of: node).map { [$0] } ?? [] }
            let roles = node.op.inputRoles
            let scales = roles.keys.sorted().filter { roles[$0] == .scale }
            return scales.compactMap { index.codedTensor(of: node, scale: $0, roles[$0 + 1]) } + bodies
        }
    }

    /// What static quantization left in float: weights of layers, and values that would be codes but for what they cost.
    package var floatTensors: (weights: [ValueName], values: [ValueName]) {
        let index = GraphIndex(self)
        func isCoded(_ value: ValueName?) -> Bool { index.producer(of: value)?.op is DequantizeLinear }
        var (weights, values): ([ValueName], [ValueName]) = ([], [])
        for site in weightSites {
            if !site.isQuantized {
                weights.append(site.tensor)
            } else if site.node.op.quantization == .contraction, let data = site.node.input(1 - site.inputIndex), !isCoded(data) {
                values.append(data)
            }
        }
        for node in nodes where node.op.quantization == .sharesScale {
            let inputs = node.inputs.filter { infos[$0]?.elementType == .float32 }
            guard !inputs.isEmpty, inputs.allSatisfy({ isCoded($0) }), let output = node.output(0) else { continue }
            let result = index.limited(output)
            if !index.consumers(of: result).contains(where: { $0.op is QuantizeLinear }) { values.append(result) }
        }
        func unique(_ names: [ValueName]) -> [ValueName] { names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } } }
        return (unique(weights), unique(values))
    }
}

extension GraphIndex {
    /// The codes before a node's scale.
    fileprivate func codedTensor(of node: Node, scale input: Int, _ next: OperandRole?) -> CodedTensor? {
        guard case .zeroPoint(input - 1, let axis)? = next, let codes = node.input(input - 1),
            let scale = constantFloats(node.input(input)), let type = info(of: codes)?.elementType, let range = type.integerRange,
            type.bitWidth <= 16, node.input(input + 1) == nil || constant(node.input(input + 1)) != nil
        else { return nil }
        let zeroPoints = constant(node.input(input + 1))?.integers() ?? [Int](repeating: 0, count: scale.elementCount)
        guard zeroPoints.count == scale.elementCount, zeroPoints.allSatisfy(range.contains) else { return nil }
        let stored = constant(codes)
        let scaleAxis = (node.op as? DequantizeLinear)?.scaleAxis ?? ScaleAxis(axis: axis)
        guard let varying = try? Optional(scaleAxis.varyingAxis(rank: info(of: codes)?.rank ?? 0, scale: scale.shape)) else { return nil }
        if let stored, scaleAxis.blockSize > 0, (try? scaleAxis.fittedAxis(shape: stored.shape, scale: scale.shape)) == nil { return nil }
        var parameters = QuantizationParameters(
            elementType: type, codes: range, scales: scale.floats(), zeroPoints: zeroPoints, axis: varying)
        parameters.scaleType = scale.elementType
        parameters.blockSize = scaleAxis.blockSize
        guard stored == nil else {
            // Indices of a table go through Cast.
            let readers = consumers(of: node.output(0))
            let isNumbers = readers.isEmpty || readers.contains { !($0.op is Cast) }
            guard isNumbers || !(node.op is DequantizeLinear) else { return nil }
            return CodedTensor(name: Self.name(codes, ["codes"]), parameters: parameters, shape: stored?.shape)
        }
        let quantize = producer(of: codes).flatMap { $0.op is QuantizeLinear ? $0 : nil }
        if let quantize { narrow(&parameters, behind: quantize) }
        let name = Self.name(codes, ["quantized"])
        return CodedTensor(name: name != codes ? name : quantize?.input(0) ?? codes, parameters: parameters, shape: nil)
    }

    /// Matrices of MatMulNBits, tables of GatherBlockQuantized, and rows that are looked up as codes.
    fileprivate func packedTensor(of node: Node) -> CodedTensor? {
        let codes: ValueName?
        let encoded: EncodedWeight?
        if node.op is MatMulNBits {
            (codes, encoded) = (node.input(1), EncodedWeight(packedIn: node, in: self))
        } else if node.op is GatherBlockQuantized {
            (codes, encoded) = (node.input(0), EncodedWeight(gatheredBy: node, in: self))
        } else {
            (codes, encoded) = LookedUpRows.encoded(behind: node, in: self) ?? (nil, nil)
        }
        guard let codes, let encoded, case .affine(let parameters) = encoded.meaning else { return nil }
        return CodedTensor(name: Self.name(codes, ["codes"]), parameters: parameters, shape: encoded.shape)
    }

    /// Codes of less than 8 bits that are stored as bytes behind a Clip to what they hold.
    private func narrow(_ parameters: inout QuantizationParameters, behind quantize: Node) {
        var quantize = quantize
        while let first = producer(of: dequantizing(before: quantize)?.input(0)), first.op is QuantizeLinear { quantize = first }
        guard let clip = producer(of: quantize.input(0)), let op = clip.op as? Clip, parameters.scales.count == 1,
            case .clip(let low, let high)? = op.activation(of: clip, in: self)
        else { return }
        let types: [ElementType] = parameters.elementType.isSigned ? [.int2, .int4] : [.uint2, .uint4]
        for type in types {
            guard let range = type.integerRange else { continue }
            let bounds = [range.lowerBound, range.upperBound].map { Float($0 - parameters.zeroPoints[0]) * parameters.scales[0] }
            guard bounds == [low, high] else { continue }
            (parameters.elementType, parameters.codes) = (type, range)
        }
    }

    /// The name of what was stored as a value, by the endings that name codes.
    private static func name(_ value: ValueName, _ endings: [String]) -> ValueName {
        let place = value.lastIndex(of: "_").flatMap { Int(value[value.index(after: $0)...]) == nil ? nil : $0 }
        let plain = place.map { String(value[..<$0]) } ?? value
        for ending in endings.map({ ".\($0)" }) + ["_quantized", "_QuantizeLinear_Output"] {
            for candidate in [value, plain] where candidate.hasSuffix(ending) && candidate.count > ending.count {
                return String(candidate.dropLast(ending.count))
            }
        }
        return value
    }
}
