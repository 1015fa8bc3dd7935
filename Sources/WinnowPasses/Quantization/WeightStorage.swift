package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Puts codes in the place of weights: as integers behind DequantizeLinear, or as indices of a table.
package struct WeightStorage {
    private let index: GraphIndex
    private var edit = GraphEdit()
    private var types: Set<ElementType> = []

    package init(_ graph: Graph) { index = GraphIndex(graph) }

    /// The graph with the weights replaced, at an operator set that knows their types.
    package func apply() throws -> Graph { try index.graph.applying(edit).allowing(types) }

    /// Stores a weight's codes: `DequantizeLinear(codes, scales)`; or as indices of a table, in operators that every runtime has, for ONNX
    /// has none of its own: `DequantizeLinear(codes) → Cast(int32) → Gather(table) [→ Mul(scales)] → Reshape`.
    package mutating func store(_ encoded: EncodedWeight, inPlaceOf target: WeightTarget, _ names: inout FreshNames) {
        types.insert(encoded.codes.elementType)
        let value = switch encoded.meaning {
        case .affine(let parameters): integers(encoded, parameters, target.tensor, &names)
        case .table(let table, let scales): indices(encoded, table, scales, target.tensor, &names)
        }
        put(value, inPlaceOf: target, &names)
    }

    private mutating func integers(
        _ encoded: EncodedWeight, _ parameters: QuantizationParameters, _ name: ValueName, _ names: inout FreshNames
    ) -> ValueName {
        let (codes, scale) = (names.value("\(name).codes"), names.value("\(name).scale"))
        edit.initializers += [(codes, encoded.codes), (scale, parameters.scaleTensor(for: encoded.shape).spilled())]
        let op = DequantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize)
        return add(op, [codes, scale], "\(name).dequantize", output: "\(name).dequantized", &names)
    }

    private mutating func indices(
        _ encoded: EncodedWeight, _ table: [Float], _ scales: [Float], _ name: ValueName, _ names: inout FreshNames
    ) -> ValueName {
        let blocks: Shape = scales.isEmpty ? encoded.shape : [scales.count, encoded.shape.elementCount / scales.count]
        func constant(_ part: String, _ tensor: Tensor) -> ValueName {
            let value = names.value("\(name).\(part)")
            edit.initializers.append((value, tensor))
            return value
        }
        func part(_ part: String, _ op: any Operator, _ inputs: [ValueName]) -> ValueName {
            add(op, inputs, "\(name).\(part)", output: "\(name).\(part)", &names)
        }
        let one = constant("one", Tensor(scalar: Float(1)))
        let numbers = part("numbers", DequantizeLinear(), [constant("codes", encoded.codes.reshaped(blocks)), one])
        let indices = part("indices", Cast(to: .int32), [numbers])
        let value = part("looked-up", Gather(axis: 0), [constant("table", Tensor(table)), indices])
        guard !scales.isEmpty else { return value }
        let scaled = part("scaled", Mul(), [value, constant("scales", Tensor(scales, shape: [scales.count, 1]).spilled())])
        return part("shaped", Reshape(), [scaled, constant("extents", Tensor(encoded.shape.map { Int64($0) }))])
    }

    private mutating func add(
        _ op: any Operator, _ inputs: [ValueName], _ name: String, output: String, _ names: inout FreshNames
    ) -> ValueName {
        let value = names.value(output)
        edit.addedNodes.append(Node(name: names.node(name), op: op, inputs: inputs, outputs: [value]))
        return value
    }

    /// Lets every reader of a weight read a float32 value instead, converted to the weight's type where that is another.
    private mutating func put(_ value: ValueName, inPlaceOf target: WeightTarget, _ names: inout FreshNames) {
        let type = target.stored.elementType
        guard type != .float32 else { edit.rewired[target.tensor] = value; return }
        let readers = index.consumers(of: target.tensor)
        let widenings = readers.filter { node in
            (node.op as? Cast)?.target == .float32 && node.outputs.allSatisfy { !index.graph.outputs.contains($0) }
        }
        for node in widenings {
            edit.removedNodes.insert(node.name)
            if let output = node.output(0) { edit.rewired[output] = value }
        }
        guard widenings.count < readers.count || index.isOutput(target.tensor) else { return }
        edit.rewired[target.tensor] = add(
            Cast(to: type), [value], "\(target.tensor).narrow", output: "\(target.tensor).narrowed", &names)
    }
}

extension WeightTargets {
    /// Every target as integers of a scheme.
    mutating func storeIntegers(
        _ scheme: QuantizationScheme, rounding: RoundingChoice = RoundingChoice(), _ context: PassContext = PassContext()
    ) throws -> Graph {
        var tasks: [RoundingTask] = []
        for target in targets {
            let (parameters, reason) = scheme.parameters(for: target.values, channelAxis: target.channelAxis)
            guard isWorthwhile(target, "codes and scales", parameters.byteCount(for: target.stored.shape)) else { continue }
            if let reason { note(Finding(target.tensor, .fellBack, .elementSize, reason: reason)) }
            tasks.append(RoundingTask(target, parameters) { scheme.parameters(for: $0, channelAxis: target.channelAxis).parameters })
        }
        var storage = WeightStorage(graph)
        try rounding.round(tasks, in: graph, seesData: !isBody, context) { task, rounded in
            let target = task.target
            let encoded = EncodedWeight(rounded?.values ?? target.values, rounded?.parameters ?? task.parameters)
            storage.store(encoded, inPlaceOf: target, &names)
            if rounded == nil, rounding.needs != .nothing {
                note(Finding(target.tensor, .fellBack, .elementSize, reason: "rounded to the nearest: the data tells nothing of its inputs"))
            }
            note(.quantized(target.tensor, target.values, task.parameters, as: rounded?.values, from: target.stored.elementType))
        }
        return try storage.apply()
    }

    /// Whether codes take fewer bytes than the weight does; where not, the weight is noted as kept.
    mutating func isWorthwhile(_ target: WeightTarget, _ parts: String, _ byteCount: Int) -> Bool {
        let before = target.stored.byteCount
        if byteCount >= before { keep(target, "stays \(target.stored.elementType): \(parts) would take \(byteCount) bytes instead of \(before)") }
        return byteCount < before
    }

    /// Stores indices of a table in the place of a target where that makes it smaller.
    mutating func store(_ encoded: EncodedWeight, inPlaceOf target: WeightTarget, _ storage: inout WeightStorage, _ parts: String, _ remark: (String, isMilder: Bool)) {
        guard isWorthwhile(target, parts, encoded.byteCount) else { return }
        storage.store(encoded, inPlaceOf: target, &names)
        let error = target.values.relativeError { encoded.numbers(in: $0) }
        note(
            Finding(
                target.tensor, remark.isMilder ? .fellBack : .done, .byteCount, before: Double(target.stored.byteCount),
                after: Double(encoded.byteCount), reason: "\(remark.0)relative error \(error)"))
    }
}
