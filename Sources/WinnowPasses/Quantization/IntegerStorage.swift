import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph in which weights behind a Q/DQ pair are stored as their codes, and biases of integer layers as int32 with
    /// exactly the scale of the sums they are added to; biases of layers on other codes as int32 that stand for the same numbers,
    /// as ONNX Runtime rounds float ones to steps of sums that nobody makes. The findings tell what became of each.
    func storingIntegers(for arithmetic: IntegerArithmetic) throws -> (graph: Graph, findings: [Finding]) {
        var findings: [Finding] = []
        let convention = arithmetic.inner.weights.convention
        guard arithmetic.profile.takesIntegerBiases else {
            let coded = try storingCodes(by: convention, &findings).wideningShortCodes()
            let kept = Set(coded.codedSites.filter(\.isInteger).map(\.bias)).sorted()
            return (coded, findings + kept.map { Finding($0, .kept, reason: "stays float: the runtime adds biases in float") })
        }
        let coded = try raisingScalesForBiases(toPowers: convention.roundsToPowers).storingCodes(by: convention, &findings).wideningShortCodes()
        let stored = try coded.storingBiases(&findings)
        return (arithmetic.profile.mergesLayers ? try stored.addingBehindIntegers() : stored, findings)
    }

    private func storingCodes(by convention: QuantizationConvention, _ findings: inout [Finding]) throws -> Graph {
        var edit = GraphEdit()
        var types: Set<ElementType> = []
        var names = FreshNames(self)
        let index = GraphIndex(self)
        for node in nodes {
            guard let op = node.op as? QuantizeLinear, op.scaleAxis.blockSize == 0 || op.scaleAxis.axis != nil,
                let value = node.input(0), let rank = infos[value]?.rank, infos[value]?.elementType == .float32,
                let path = index.weightPath(to: value, rank: rank), !path.isQuantized, initializers[path.tensor] != nil,
                let output = node.output(0), var parameters = QuantizationParameters(
                    of: node, op.scaleAxis, codeType: infos[output]?.elementType, in: self),
                let weight = try initializers[value] ?? computing(value, by: path.nodes)
            else { continue }
            let codes = names.value("\(path.tensor).codes")
            parameters.convention = convention
            types.insert(parameters.elementType == .int2 ? .int4 : parameters.elementType)
            edit.removedNodes.insert(node.name)
            edit.rewired[output] = codes
            edit.initializers.append((codes, parameters.quantize(weight).spilled()))
            findings.append(.quantized(path.tensor, weight, parameters))
        }
        return try applying(edit).removingDeadNodes().allowing(types)
    }

    private func wideningShortCodes() throws -> Graph { try wideningActivations().wideningWeights() }

    /// Activations of less than 8 bits as bytes behind a Clip to what the few codes hold: the same numbers, in a type that all
    /// runtimes have kernels for, and that theirs may move across MaxPool and Reshape.
    private func wideningActivations() throws -> Graph {
        var edit = GraphEdit()
        var names = FreshNames(self)
        let index = GraphIndex(self)
        for node in nodes {
            guard let op = node.op as? QuantizeLinear, let value = node.input(0), let output = node.output(0),
                let narrow = infos[output]?.elementType, narrow.bitWidth < 8,
                let parameters = QuantizationParameters(of: node, op.scaleAxis, codeType: narrow, in: self), parameters.scales.count == 1
            else { continue }
            let type: ElementType = narrow.isSigned ? .int8 : .uint8
            let zeroPoint = names.value("\(value).zero_point")
            edit.initializers.append((zeroPoint, Tensor([Double(parameters.zeroPoints[0])], shape: [], as: type)))
            // What such codes stand for lies within the bounds already.
            let isBounded = index.dequantizing(before: node) != nil
            let source = isBounded ? value : Self.clipping(value, parameters, &names, &edit)
            for reader in [node] + index.consumers(of: output) {
                var changed = reader
                if reader.name == node.name { changed.inputs[0] = source }
                changed.inputs = Array(changed.inputs.prefix(2)) + [zeroPoint]
                edit.removedNodes.insert(reader.name)
                edit.addedNodes.append(changed)
            }
        }
        return try applying(edit)
    }

    /// Adds a Clip to what codes of these parameters hold, and returns its result.
    private static func clipping(
        _ value: ValueName, _ parameters: QuantizationParameters, _ names: inout FreshNames, _ edit: inout GraphEdit
    ) -> ValueName {
        let limits = [names.value("\(value).low"), names.value("\(value).high")]
        edit.initializers += zip(limits, [parameters.codes.lowerBound, parameters.codes.upperBound]).map { name, code in
            (name, Tensor(scalar: Float(code - parameters.zeroPoints[0]) * parameters.scales[0]))
        }
        let clipped = names.value("\(value).clipped")
        edit.addedNodes.append(Node(name: names.node("\(value).clip"), op: Clip(), inputs: [value] + limits, outputs: [clipped]))
        return clipped
    }

    /// Weights of 2 bits as 4-bit codes: ONNX Runtime 1.31 makes products of them that it then refuses.
    private func wideningWeights() throws -> Graph {
        var edit = GraphEdit()
        var names = FreshNames(self)
        for node in nodes where node.op is DequantizeLinear {
            guard let codes = node.input(0), let tensor = initializers[codes], tensor.elementType == .int2 else { continue }
            let zeroPoint = node.input(2).flatMap { initializers[$0] }
            var changed = node
            for (index, short) in [(0, tensor), (2, zeroPoint)] {
                guard let short else { continue }
                changed.inputs[index] = names.value(node.inputs[index])
                edit.initializers.append((changed.inputs[index], short.converted(to: .int4).spilled()))
            }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(changed)
        }
        return try applying(edit).allowing(edit.addedNodes.isEmpty ? [] : [.int4])
    }

    /// Layers of which weight and data are dequantized, with the bias that they add. Runtimes have sums of 8-bit codes alone, and
    /// compute others in float.
    private var codedSites: [(site: WeightSite, bias: ValueName, isInteger: Bool)] {
        let index = GraphIndex(self)
        return weightSites.compactMap { site in
            guard site.node.op.quantization == .contraction, let bias = site.node.input(2), initializers[bias] != nil else { return nil }
            let widths = [site.operand, site.node.input(1 - site.inputIndex)].compactMap { index.dequantizedBits($0) }
            return widths.count == 2 ? (site, bias, widths == [8, 8]) : nil
        }
    }

    private func storingBiases(_ findings: inout [Finding]) throws -> Graph {
        let index = GraphIndex(self)
        var edit = GraphEdit()
        var names = FreshNames(self)
        for (site, bias, isInteger) in codedSites {
            guard let tensor = initializers[bias], let weight = index.producer(of: site.operand),
                let data = index.producer(of: site.node.input(1 - site.inputIndex))
            else { continue }
            let made = isInteger
                ? BiasCodes.make(tensor, site: site, weight: weight, data: data, in: index) : BiasCodes.inFineSteps(tensor, site: site, in: index)
            switch made {
            case .failure(let reason): findings.append(Finding(bias, .fellBack, reason: "stays float: \(reason.text)"))
            case .success(let stored):
                let name = "\(site.node.name).bias"
                let value = names.value("\(name).dequantized")
                let (codes, scale) = (names.value("\(name).codes"), names.value("\(name).scale"))
                edit.initializers += [(codes, stored.codes), (scale, stored.scale)]
                var reader = site.node
                reader.inputs[2] = value
                edit.removedNodes.insert(reader.name)
                edit.addedNodes += [
                    Node(
                        name: names.node("\(name).dequantize"), op: DequantizeLinear(axis: stored.scale.rank == 0 ? nil : 0),
                        inputs: [codes, scale], outputs: [value]), reader,
                ]
                findings.append(
                    Finding(bias, .done, .elementSize, before: 32, after: 32, reason: "int32"))
            }
        }
        return try applying(edit)
    }
}

extension GraphIndex {
    /// The bits of the codes that a value stands for; nil where it is no codes'.
    fileprivate func dequantizedBits(_ value: ValueName?) -> Int? {
        guard let node = producer(of: value), node.op is DequantizeLinear else { return nil }
        return info(of: node.input(0))?.elementType.bitWidth
    }
}

/// A bias as int32 codes.
private struct BiasCodes {
    struct Reason: Error { var text: String }

    var codes: Tensor
    var scale: Tensor

    /// round(b · 2²⁹ / m) where m is the power of two below the largest, or 1: off by 2⁻³⁰ · m at most, with room for corrections.
    static func inFineSteps(_ bias: Tensor, site: WeightSite, in index: GraphIndex) -> Result<BiasCodes, Reason> {
        guard let numbers = bias.channelBias(of: site, in: index)?.floats(), numbers.allSatisfy(\.isFinite) else {
            return .failure(Reason(text: "it is not one float32 number a channel"))
        }
        let largest = numbers.map(\.magnitude).max() ?? 0
        let step = max(1, largest.binade) * 0x1p-29
        return .success(BiasCodes(codes: Tensor(numbers.map { Int32(($0 / step).rounded()) }), scale: Tensor(scalar: step)))
    }

    /// round(b / (s_x · s_w)), half to even.
    static func make(
        _ bias: Tensor, site: WeightSite, weight: Node, data: Node, in index: GraphIndex
    ) -> Result<BiasCodes, Reason> {
        func refuse(_ text: String) -> Result<BiasCodes, Reason> { .failure(Reason(text: text)) }
        guard let bias = bias.channelBias(of: site, in: index) else { return refuse("it is not one float32 number a channel") }
        guard site.node.op.hasNoFactors else { return refuse("the Gemm has an alpha or beta") }
        guard let step = index.constant(data.input(1)), step.elementCount == 1,
            let steps = index.constant(weight.input(1)),
            (weight.op as? DequantizeLinear)?.scaleAxis.blockSize == 0
        else { return refuse("its sums have no single scale a channel") }
        let scales = steps.floats().map { $0 * step.floats()[0] }
        guard scales.count == 1 || scales.count == bias.shape[0] else {
            return refuse("its channels are not the weight's")
        }
        let values = bias.doubles()
        let codes = values.indices.map {
            (values[$0] / Double(scales[scales.count == 1 ? 0 : $0])).rounded(.toNearestOrEven)
        }
        guard codes.allSatisfy({ $0.magnitude < 0x1p31 }) else { return refuse("it would not fit int32") }
        return .success(
            BiasCodes(
                codes: Tensor(codes.map { Int32($0) }),
                scale: Tensor(scales, shape: steps.rank == 0 ? [] : [scales.count])))
    }
}

extension QuantizationParameters {
    /// The parameters of a QuantizeLinear or DequantizeLinear with constant scale and zero point; nil where they do not fit its data.
    ///
    /// - Parameter scale: where that is not the node's second input as it is.
    init?(of node: Node, _ scaleAxis: ScaleAxis, codeType type: ElementType?, scale: Tensor? = nil, in graph: Graph) {
        guard let scale = scale ?? node.input(1).flatMap({ graph.initializers[$0] }), let type, let range = type.integerRange
        else { return nil }
        let zeroPoints = node.input(2).flatMap { graph.initializers[$0]?.integers() }
        guard node.input(2) == nil || zeroPoints?.count == scale.elementCount, zeroPoints?.allSatisfy(range.contains) ?? true else { return nil }
        // One scale for all goes with any shape.
        let shape = node.input(0).flatMap { graph.infos[$0]?.shape } ?? []
        guard let axis = try? Optional(scaleAxis.fittedAxis(shape: shape, scale: scale.shape)) else { return nil }
        self.init(
            elementType: type, codes: range, scales: scale.floats(),
            zeroPoints: zeroPoints ?? [Int](repeating: 0, count: scale.elementCount), axis: axis)
        blockSize = scaleAxis.blockSize
        scaleType = scale.elementType
    }
}

extension Graph {
    /// The graph at an operator set in which DequantizeLinear knows codes of these types.
    func allowing(_ types: Set<ElementType>) -> Graph {
        var result = self
        for type in types {
            result.metadata.opsets[""] = max(result.metadata.version(of: ""), ScaleAxis.minimumVersion(of: type))
        }
        return result
    }
}

extension GraphIndex {
    /// Whether a QuantizeLinear with one scale makes the same codes without limits before it, as theirs are the ends of its type. Runtimes
    /// ask for the same: ONNX Runtime's `IsClipMadeRedundantByQ`.
    func makesNeedless(_ limits: ClosedRange<Double>, _ quantize: Node) -> Bool {
        guard quantize.op is QuantizeLinear, let scale = constant(quantize.input(1)), scale.elementCount == 1,
            let codes = info(of: quantize.output(0))?.elementType.integerRange
        else { return false }
        let (step, zeroPoint) = (scale.doubles()[0], constant(quantize.input(2))?.doubles().first ?? 0)
        func code(_ limit: Double) -> Double { (limit / step).rounded(.toNearestOrEven) + zeroPoint }
        return code(limits.lowerBound) <= Double(codes.lowerBound) && code(limits.upperBound) >= Double(codes.upperBound)
    }

    /// The DequantizeLinear of whose codes a QuantizeLinear with the same parameters makes codes again, moved at most.
    func dequantizing(before quantize: Node) -> Node? {
        var value = quantize.input(0)
        while let maker = producer(of: value) {
            if maker.op is DequantizeLinear {
                let isSame = [1, 2].allSatisfy { maker.input($0) == quantize.input($0) || constant(maker.input($0)) == constant(quantize.input($0)) }
                return isSame ? maker : nil
            }
            guard maker.op.quantization == .keepsScale else { return nil }
            value = maker.input(0)
        }
        return nil
    }
}
