package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// Puts codes in the place of weights: as integers behind DequantizeLinear, or as indices of a table.
package struct WeightStorage {
    private let index: GraphIndex
    private var edit = GraphEdit()
    private var types: Set<ElementType> = []
    private var castTypes: Set<ElementType> = []

    private let matrices: MatrixStorage
    private let tables: TableStorage
    private let twoBits: TwoBitStorage

    package init(
        _ graph: Graph, matrices: MatrixStorage = .dequantizeLinear, tables: TableStorage = .dequantizeLinear, twoBits: TwoBitStorage = .int4
    ) {
        index = GraphIndex(graph)
        (self.matrices, self.tables, self.twoBits) = (matrices, tables, twoBits)
    }

    /// Codes in the type that the file has for them, and why it is wider than was asked for.
    func typed(_ encoded: EncodedWeight, of target: WeightTarget) -> (encoded: EncodedWeight, reason: String?) {
        guard let own = encoded.inTwoBits else { return (encoded, nil) }
        if let packed = [own, encoded].first(where: { isPacked($0, target) }) { return (packed, nil) }
        guard twoBits == .int2 else { return (encoded, nil) }
        guard case .affine = own.meaning, let objection = index.objectionToTwoBits(of: target.tensor, own.codes.shape) else { return (own, nil) }
        return (encoded, "in 4 bits: \(objection)")
    }

    private func isPacked(_ encoded: EncodedWeight, _ target: WeightTarget) -> Bool {
        matrices == .matMulNBits && PackedMatrix(encoded, target, in: index) != nil
            || tables == .gatherBlockQuantized && PackedTable(encoded, target, in: index) != nil
    }

    /// The graph with the weights replaced, at an operator set that knows their types.
    package func apply() throws -> Graph {
        var result = try index.graph.applying(edit).allowing(types)
        for type in castTypes { result.metadata.opsets[""] = max(result.metadata.version(of: ""), Cast(to: type).minimumVersion) }
        return result
    }

    /// Stores a weight's codes: `DequantizeLinear(codes, scales, zero points) [→ Reshape]`; or as indices of a table, in operators that
    /// every runtime has, for ONNX has none of its own: `DequantizeLinear(codes) → Cast(int32) → Gather(table) [→ Mul(scales)] [→ Reshape]`,
    /// and where channels have palettes, or words several numbers, `… → [Add(firsts)] → Gather(table) → Reshape [→ Transpose]`.
    package mutating func store(_ encoded: EncodedWeight, inPlaceOf target: WeightTarget, _ names: inout FreshNames) {
        if matrices == .matMulNBits, let packed = PackedMatrix(encoded, target, in: index) {
            packed.write(to: &edit, &names)
            return
        }
        if tables == .gatherBlockQuantized, let packed = PackedTable(encoded, target, in: index) {
            types.insert(packed.elementType)
            packed.write(to: &edit, &names)
            return
        }
        types.insert(encoded.codes.elementType)
        if let rows = LookedUpRows(encoded, target, in: index) {
            rows.write(to: &edit, &names)
            return
        }
        let value = switch encoded.meaning {
        case .affine(let parameters): integers(encoded, parameters, target.tensor, &names)
        case .table(let table, let scales): indices(encoded, table, scales, target.tensor, &names)
        case .words(let words): rows(encoded, words, target.tensor, &names)
        }
        put(value, inPlaceOf: target, &names)
    }

    /// Stores a weight as floats of another type, behind a Cast.
    package mutating func store(_ floats: Tensor, inPlaceOf target: WeightTarget, _ names: inout FreshNames) {
        let narrow = names.value("\(target.tensor).\(floats.elementType)")
        edit.initializers.append((narrow, floats.spilled()))
        put(add(Cast(to: .float32), [narrow], "\(target.tensor).widen", output: "\(target.tensor).widened", &names), inPlaceOf: target, &names)
    }

    private mutating func integers(
        _ encoded: EncodedWeight, _ parameters: QuantizationParameters, _ name: ValueName, _ names: inout FreshNames
    ) -> ValueName {
        var inputs = [names.value("\(name).codes"), names.value("\(name).scale")]
        edit.initializers += [(inputs[0], encoded.codes), (inputs[1], parameters.scaleTensor(for: encoded.shape).spilled())]
        inputs[1] = widened(inputs[1], parameters.scaleType, name, &names)
        if parameters.hasZeroPoints {
            inputs.append(names.value("\(name).zero_point"))
            edit.initializers.append((inputs[2], parameters.zeroPointTensor(for: encoded.shape).spilled()))
        }
        let op = DequantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize)
        let numbers = add(op, inputs, "\(name).dequantize", output: "\(name).dequantized", &names)
        return encoded.codes.shape == encoded.shape ? numbers : shaped(numbers, encoded.shape, name, &names)
    }

    private mutating func indices(
        _ encoded: EncodedWeight, _ table: [Float], _ scales: Tensor?, _ name: ValueName, _ names: inout FreshNames
    ) -> ValueName {
        let indices = indices(encoded, name, &names)
        let value = part("looked-up", of: name, Gather(axis: 0), [constant("table", of: name, Tensor(table), &names), indices], &names)
        guard let scales else { return value }
        let factors = widened(constant("scales", of: name, scales, &names), scales.elementType, name, &names)
        return shaped(part("scaled", of: name, Mul(), [value, factors], &names), encoded.shape, name, &names)
    }

    private mutating func rows(
        _ encoded: EncodedWeight, _ words: CodeWords, _ name: ValueName, _ names: inout FreshNames
    ) -> ValueName {
        var indices = indices(encoded, name, &names)
        if let firsts = words.firsts {
            indices = part("rows", of: name, Add(), [indices, constant("firsts", of: name, firsts, &names)], &names)
        }
        let value = part("looked-up", of: name, Gather(axis: 0), [constant("table", of: name, words.table, &names), indices], &names)
        let rank = encoded.shape.rank
        let ordered = shaped(value, encoded.shape.permuted(CodeWords.order(words.axis, rank: rank)), name, &names)
        guard words.axis != 0 else { return ordered }
        return part("turned", of: name, Transpose(CodeWords.inverse(words.axis, rank: rank)), [ordered], &names)
    }

    /// Codes as numbers that Gather takes.
    private mutating func indices(_ encoded: EncodedWeight, _ name: ValueName, _ names: inout FreshNames) -> ValueName {
        let operands = [constant("codes", of: name, encoded.codes, &names), constant("one", of: name, Tensor(scalar: Float(1)), &names)]
        let numbers = part("numbers", of: name, DequantizeLinear(), operands, &names)
        return part("indices", of: name, Cast(to: .int32), [numbers], &names)
    }

    private mutating func constant(_ part: String, of name: ValueName, _ tensor: Tensor, _ names: inout FreshNames) -> ValueName {
        let value = names.value("\(name).\(part)")
        edit.initializers.append((value, tensor))
        return value
    }

    private mutating func part(
        _ part: String, of name: ValueName, _ op: any Operator, _ inputs: [ValueName], _ names: inout FreshNames
    ) -> ValueName {
        add(op, inputs, "\(name).\(part)", output: "\(name).\(part)", &names)
    }

    /// Scales as float32.
    private mutating func widened(_ scales: ValueName, _ type: ElementType, _ name: ValueName, _ names: inout FreshNames) -> ValueName {
        guard type != .float32 else { return scales }
        castTypes.insert(type)
        return add(Cast(to: .float32), [scales], "\(name).widen", output: "\(name).widened", &names)
    }

    private mutating func shaped(_ numbers: ValueName, _ shape: Shape, _ name: ValueName, _ names: inout FreshNames) -> ValueName {
        let extents = constant("extents", of: name, Tensor(shape.map { Int64($0) }), &names)
        return add(Reshape(), [numbers, extents], "\(name).shaped", output: "\(name).shaped", &names)
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
