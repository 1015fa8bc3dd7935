package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What holds tables whose rows are looked up.
public enum TableStorage: String, HyperparameterChoice, Codable {
    /// ONNX's own operators.
    case dequantizeLinear = "dequantize-linear"
    /// ONNX Runtime's GatherBlockQuantized, in which only the rows that are read become numbers.
    case gatherBlockQuantized = "gather-block-quantized"
}

/// A table of 2-, 4- or 8-bit codes whose rows are all that is read of it, as `com.microsoft`'s GatherBlockQuantized holds it: 4-bit codes as
/// they are, 8-bit codes as uint8, 2-bit codes four in a byte of rows that fill it, in blocks along its rows or with a scale a row.
struct PackedTable {
    private let encoded: EncodedWeight
    private let parameters: QuantizationParameters
    private let target: WeightTarget
    private let lookups: [Node]
    private let op: GatherBlockQuantized

    /// Of what holds codes.
    var elementType: ElementType { op.bitWidth == 4 ? parameters.elementType : .uint8 }

    /// nil where the table is read otherwise, or where the operator has no such blocks.
    init?(_ encoded: EncodedWeight, _ target: WeightTarget, in index: GraphIndex) {
        guard case .affine(let parameters) = encoded.meaning, parameters.form == nil, encoded.shape.rank == 2,
            parameters.elementType.bitWidth <= 8, encoded.shape[1] * parameters.elementType.bitWidth % 8 == 0 || parameters.elementType.bitWidth == 4,
            [.float32, .float16].contains(parameters.scaleType),
            [.float32, .float16].contains(target.stored.elementType), let lookups = index.lookups(of: target)
        else { return nil }
        let size: Int
        switch (parameters.axis, parameters.blockSize) {
        case (1, let own) where own >= 16 && own & (own - 1) == 0: size = own
        case (0, 0): size = Self.blockSize(holding: encoded.shape[1])
        default: return nil
        }
        (self.encoded, self.parameters, self.target, self.lookups) = (encoded, parameters, target, lookups)
        op = GatherBlockQuantized(bitWidth: parameters.elementType.bitWidth, blockSize: size)
    }

    /// The smallest block that holds a row.
    private static func blockSize(holding width: Int) -> Int {
        var size = 16
        while size < width { size *= 2 }
        return size
    }

    func write(to edit: inout GraphEdit, _ names: inout FreshNames) {
        let scales = Tensor(parameters.scales, shape: blocks).converted(to: parameters.scaleType)
        var parts = [("codes", stored(encoded.codes)), ("scale", scales)]
        if parameters.hasZeroPoints || !parameters.elementType.isSigned && op.bitWidth != 4 {
            parts.append(("zero_point", stored(Tensor(parameters.zeroPoints.map(Double.init), shape: blocks, as: parameters.elementType))))
        }
        var operands: [ValueName] = []
        for (part, tensor) in parts {
            operands.append(names.value("\(target.tensor).\(part)"))
            edit.initializers.append((operands[operands.count - 1], tensor.spilled()))
        }
        for node in lookups {
            guard let output = node.output(0) else { continue }
            edit.removedNodes.insert(node.name)
            let inputs = [operands[0], node.inputs[1]] + operands[1...]
            guard parameters.scaleType != target.stored.elementType else {
                edit.addedNodes.append(Node(name: node.name, op: op, inputs: inputs, outputs: [output], notes: node.notes))
                continue
            }
            let rows = names.value("\(node.name).rows")
            edit.addedNodes += [
                Node(name: names.node("\(node.name).rows"), op: op, inputs: inputs, outputs: [rows]),
                Node(name: node.name, op: Cast(to: target.stored.elementType), inputs: [rows], outputs: [output], notes: node.notes),
            ]
        }
    }

    private var blocks: Shape { [encoded.shape[0], (encoded.shape[1] + op.blockSize - 1) / op.blockSize] }

    /// Bytes count from 0 on, and hold what they can of a row.
    private func stored(_ codes: Tensor) -> Tensor {
        guard op.bitWidth != 4 else { return codes }
        let offset = parameters.elementType.isSigned ? 1 << (op.bitWidth - 1) : 0
        let (own, width, perByte) = (codes.integers(), codes.shape[1], 8 / op.bitWidth)
        let stride = (width + perByte - 1) / perByte
        var bytes = [UInt8](repeating: 0, count: codes.shape[0] * stride)
        for (place, code) in own.enumerated() {
            let column = place % width
            bytes[place / width * stride + column / perByte] |= UInt8(truncatingIfNeeded: code + offset) << UInt8(column % perByte * op.bitWidth)
        }
        return Tensor(bytes, shape: [codes.shape[0], stride])
    }
}

extension GraphIndex {
    /// The nodes that look rows of a table of this graph up; nil where it is read otherwise too.
    func lookups(of target: WeightTarget) -> [Node]? {
        let readers = consumers(of: target.tensor)
        guard !readers.isEmpty, !isOutput(target.tensor), target.sites.allSatisfy({ $0.holder == nil }),
            readers.allSatisfy({ ($0.op as? Gather)?.axis == 0 && $0.input(0) == target.tensor && $0.input(1) != target.tensor })
        else { return nil }
        return readers
    }
}

extension EncodedWeight {
    /// The table whose rows a GatherBlockQuantized looks up; nil where its codes, scales or zero points are not constants, or no such table.
    package init?(gatheredBy node: Node, in index: GraphIndex) {
        guard let op = node.op as? GatherBlockQuantized, op.gatherAxis == 0, let bytes = index.constant(node.input(0)), bytes.rank == 2,
            [1, -1].contains(op.quantizeAxis), let scales = index.constant(node.input(2)), scales.rank == 2
        else { return nil }
        let isTyped = bytes.elementType.bitWidth < 8
        guard isTyped ? bytes.elementType.bitWidth == op.bitWidth : bytes.elementType == .uint8 else { return nil }
        let perElement = bytes.elementType.bitWidth / op.bitWidth
        let shape: Shape = [bytes.shape[0], bytes.shape[1] * perElement]
        let blocks: Shape = [shape[0], (shape[1] + op.blockSize - 1) / op.blockSize]
        let zeros = index.constant(node.input(3))
        guard scales.shape == blocks, node.input(3) == nil || zeros?.elementType == bytes.elementType,
            zeros.map({ $0.shape == [blocks[0], (blocks[1] + perElement - 1) / perElement] }) ?? true
        else { return nil }
        let type: ElementType = isTyped ? bytes.elementType
            : zeros == nil ? [2: .int2, 4: .int4, 8: .int8][op.bitWidth] ?? .int8 : [2: .uint2, 4: .uint4, 8: .uint8][op.bitWidth] ?? .uint8
        // Codes around their middle are signed ones.
        let middle: UInt8 = type.isSigned && !isTyped ? 1 << UInt8(op.bitWidth - 1) : 0
        func typed(_ tensor: Tensor, _ shape: Shape) -> Tensor {
            if isTyped { return tensor }
            let (own, stored, width) = (tensor.codes(), tensor.shape[1], shape[1])
            let codes = (0..<shape.elementCount).map { place in
                own[place / width * stored + place % width / perElement] >> UInt8(place % perElement * op.bitWidth) ^ middle
            }
            return Tensor(codes: codes, shape: shape, type)
        }
        guard let range = type.integerRange, shape[1] > 0 else { return nil }
        let zeroPoints = zeros.map { typed($0, blocks).integers() } ?? [Int](repeating: 0, count: blocks.elementCount)
        let isWhole = blocks[1] == 1
        var parameters = QuantizationParameters(
            elementType: type, codes: range, scales: scales.floats(), zeroPoints: zeroPoints, axis: isWhole ? 0 : 1)
        parameters.blockSize = isWhole ? 0 : op.blockSize
        parameters.scaleType = scales.elementType
        self.init(codes: typed(bytes, shape), shape: shape, .affine(parameters))
    }
}
