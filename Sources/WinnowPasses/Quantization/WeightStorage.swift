package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// Puts codes in the place of weights: as integers behind DequantizeLinear, or as indices of a table.
package struct WeightStorage {
    private let index: GraphIndex
    private var edit = GraphEdit()
    private var types: Set<ElementType> = []

    package init(_ graph: Graph) { index = GraphIndex(graph) }

    /// The graph with the weights replaced, at an operator set that knows their types.
    package func apply() throws -> Graph { try index.graph.applying(edit).allowing(types) }

    /// Stores integers: `DequantizeLinear(codes, scales)`.
    ///
    /// - Parameter values: numbers in the place of the weight's own; nil: these.
    package mutating func store(
        _ target: WeightTarget, _ parameters: QuantizationParameters, values: Tensor? = nil, _ names: inout FreshNames
    ) {
        let (weight, name) = (values ?? target.values, target.tensor)
        let codes = names.value("\(name).codes")
        let scale = names.value("\(name).scale")
        edit.initializers += [
            (codes, parameters.quantize(weight).spilled()), (scale, parameters.scaleTensor(for: weight.shape).spilled()),
        ]
        types.insert(parameters.elementType)
        let op = DequantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize)
        put(add(op, [codes, scale], "\(name).dequantize", output: "\(name).dequantized", &names), inPlaceOf: target, &names)
    }

    /// Stores indices of a table, in operators that every runtime has, for ONNX has none of its own:
    /// `DequantizeLinear(codes) → Cast(int32) → Gather(table) [→ Mul(scales)] → Reshape`. Codes take 4 bits for tables of up to
    /// 16 numbers (operator set 21), 8 bits for larger ones; with `scales` they fall into as many blocks of equal length, in
    /// storage order.
    package mutating func store(
        _ target: WeightTarget, codes: [UInt8], table: [Float], scales: [Float] = [], _ names: inout FreshNames
    ) {
        let (shape, name) = (target.stored.shape, target.tensor)
        let blocks: Shape = scales.isEmpty ? shape : [scales.count, shape.elementCount / scales.count]
        let stored = Tensor(codes: codes, shape: blocks, Self.codeType(table)).spilled()
        func constant(_ part: String, _ tensor: Tensor) -> ValueName {
            let value = names.value("\(name).\(part)")
            edit.initializers.append((value, tensor))
            return value
        }
        func part(_ part: String, _ op: any Operator, _ inputs: [ValueName]) -> ValueName {
            add(op, inputs, "\(name).\(part)", output: "\(name).\(part)", &names)
        }
        types.insert(stored.elementType)
        let one = constant("one", Tensor(scalar: Float(1)))
        let numbers = part("numbers", DequantizeLinear(), [constant("codes", stored), one])
        let indices = part("indices", Cast(to: .int32), [numbers])
        var value = part("looked-up", Gather(axis: 0), [constant("table", Tensor(table)), indices])
        if !scales.isEmpty {
            value = part("scaled", Mul(), [value, constant("scales", Tensor(scales, shape: [scales.count, 1]).spilled())])
            value = part("shaped", Reshape(), [value, constant("extents", Tensor(shape.map { Int64($0) }))])
        }
        put(value, inPlaceOf: target, &names)
    }

    private static func codeType(_ table: [Float]) -> ElementType { table.count <= 16 ? .uint4 : .uint8 }

    /// The bytes that codes, table and scales take.
    package static func byteCount(of target: WeightTarget, table: [Float], scales: [Float] = []) -> Int {
        codeType(table).byteCount(of: target.stored.elementCount) + 4 * (table.count + scales.count)
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
    /// Every target as integers with the parameters that `choose` gives; its reason tells why they are milder than asked for.
    mutating func storeIntegers(
        rounding: any WeightRounding = NearestRounding(), _ choose: (WeightTarget) -> (QuantizationParameters, reason: String?)
    ) throws -> Graph {
        var storage = WeightStorage(graph)
        for target in targets {
            let (parameters, reason) = choose(target)
            let (before, after) = (target.stored.byteCount, parameters.byteCount(for: target.stored.shape))
            guard after < before else {
                keep(target, "stays \(target.stored.elementType): codes and scales would take \(after) bytes instead of \(before)")
                continue
            }
            let values = rounding.rounded(target, parameters)
            storage.store(target, parameters, values: values, &names)
            if values == nil, type(of: rounding).needs != .nothing {
                note(Finding(target.tensor, .fellBack, "element size", reason: "rounded to the nearest: the data tells nothing of its inputs"))
            }
            if let reason { note(Finding(target.tensor, .fellBack, "element size", reason: reason)) }
            note(.quantized(target.tensor, target.values, parameters, as: values, from: target.stored.elementType))
        }
        return try storage.apply()
    }
}
