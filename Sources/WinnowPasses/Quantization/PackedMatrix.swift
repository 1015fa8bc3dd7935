package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What holds matrices whose codes come in blocks.
public enum MatrixStorage: String, HyperparameterChoice, Codable {
    /// ONNX's own, from operator set 21 on.
    case dequantizeLinear = "dequantize-linear"
    /// ONNX Runtime's MatMulNBits, in every operator set.
    case matMulNBits = "matmul-nbits"
}

/// A matrix of 2-, 4- or 8-bit codes in blocks along its inputs that only products read, as `com.microsoft`'s MatMulNBits holds it: outputs ×
/// blocks × bytes, low bits first.
struct PackedMatrix {
    private let encoded: EncodedWeight
    private let parameters: QuantizationParameters
    private let target: WeightTarget
    private let readers: [Node]
    private let op: MatMulNBits

    /// nil where something else reads the weight, or where the operator has no such blocks.
    init?(_ encoded: EncodedWeight, _ target: WeightTarget, in index: GraphIndex) {
        guard case .affine(let parameters) = encoded.meaning, [16, 32, 64, 128, 256].contains(parameters.blockSize),
            parameters.elementType.bitWidth <= 8, encoded.shape.rank == 2, parameters.form == nil, let axis = parameters.axis,
            target.stored.elementType == .float32, !index.isOutput(target.tensor), target.sites.allSatisfy({ $0.holder == nil })
        else { return nil }
        readers = index.consumers(of: target.tensor)
        let isProduct = { (node: Node) in
            guard let form = node.op as? any MatrixForm, let data = node.input(0) else { return false }
            return node.input(1) == target.tensor && data != target.tensor && node.input(2) != target.tensor
                && index.info(of: data)?.elementType == .float32 && (index.info(of: data)?.rank ?? 0) > 1 && !form.transposesLeft
                && form.hasNoFactors && (form.transposesRight ? 1 : 0) == axis
        }
        guard !readers.isEmpty, readers.allSatisfy(isProduct) else { return nil }
        (self.encoded, self.parameters, self.target) = (encoded, parameters, target)
        op = MatMulNBits(
            depth: encoded.shape[axis], columns: encoded.shape[1 - axis], bitWidth: parameters.elementType.bitWidth,
            blockSize: parameters.blockSize)
    }

    func write(to edit: inout GraphEdit, _ names: inout FreshNames) {
        var operands: [ValueName] = []
        for (part, tensor) in [("codes", codes), ("scale", scales)] + (zeroPoints.map { [("zero_point", $0)] } ?? []) {
            operands.append(names.value("\(target.tensor).\(part)"))
            edit.initializers.append((operands[operands.count - 1], tensor.spilled()))
        }
        for node in readers {
            guard let output = node.output(0) else { continue }
            edit.removedNodes.insert(node.name)
            let inputs = [node.inputs[0]] + operands
            guard let bias = node.input(2) else {
                edit.addedNodes.append(Node(name: node.name, op: op, inputs: inputs, outputs: [output], notes: node.notes))
                continue
            }
            let product = names.value("\(node.name).product")
            edit.addedNodes += [
                Node(name: names.node("\(node.name).product"), op: op, inputs: inputs, outputs: [product]),
                Node(name: node.name, op: Add(), inputs: [product, bias], outputs: [output], notes: node.notes),
            ]
        }
    }

    /// What is added to signed codes, so that they begin at 0.
    private var offset: Int { parameters.elementType.isSigned ? 1 << (op.bitWidth - 1) : 0 }
    private var blockCount: Int { (op.depth + op.blockSize - 1) / op.blockSize }

    /// Of a matrix whose blocks lie along the parameters' axis, the same with outputs first.
    private func outputsFirst(_ tensor: Tensor) -> Tensor { parameters.axis == 1 ? tensor : tensor.transposed([1, 0]) }

    private var codes: Tensor {
        let own = outputsFirst(encoded.codes.converted(to: .int32)).integers()
        let (perByte, width) = (8 / op.bitWidth, blockCount * op.blockSize)
        var bytes = [UInt8](repeating: 0, count: op.columns * width / perByte)
        for row in 0..<op.columns {
            for column in 0..<op.depth {
                let place = row * width + column
                bytes[place / perByte] |= UInt8(own[row * op.depth + column] + offset) << UInt8(place % perByte * op.bitWidth)
            }
        }
        return Tensor(bytes, shape: [op.columns, blockCount, op.blockSize / perByte])
    }

    private var scales: Tensor {
        outputsFirst(Tensor(parameters.scales, shape: parameters.axis == 1 ? [op.columns, blockCount] : [blockCount, op.columns]))
    }

    private var zeroPoints: Tensor? {
        guard parameters.hasZeroPoints || !parameters.elementType.isSigned else { return nil }
        let shape: Shape = parameters.axis == 1 ? [op.columns, blockCount] : [blockCount, op.columns]
        let own = outputsFirst(Tensor(parameters.zeroPoints.map { Int32($0) }, shape: shape)).integers()
        let (perByte, width) = (8 / op.bitWidth, (blockCount * op.bitWidth + 7) / 8)
        var bytes = [UInt8](repeating: 0, count: op.columns * width)
        for row in 0..<op.columns {
            for block in 0..<blockCount {
                bytes[row * width + block / perByte] |= UInt8(own[row * blockCount + block] + offset) << UInt8(block % perByte * op.bitWidth)
            }
        }
        return Tensor(bytes, shape: [op.columns, width])
    }
}

extension EncodedWeight {
    /// The matrix that a MatMulNBits holds, outputs × inputs; nil where its codes, scales or zero points are not constants of its own form.
    package init?(packedIn node: Node, in index: GraphIndex) {
        guard let op = node.op as? MatMulNBits, let bytes = index.constant(node.input(1))?.codes(),
            let scales = index.constant(node.input(2)), node.input(4) == nil
        else { return nil }
        let (blocks, perByte) = ((op.depth + op.blockSize - 1) / op.blockSize, 8 / op.bitWidth)
        let mask = (1 << op.bitWidth) - 1
        guard bytes.count * perByte == op.columns * blocks * op.blockSize, scales.elementCount == op.columns * blocks else { return nil }
        func code(_ bytes: [UInt8], _ place: Int) -> Int { Int(bytes[place / perByte]) >> (place % perByte * op.bitWidth) & mask }
        var zeroPoints = [Int](repeating: 1 << (op.bitWidth - 1), count: op.columns * blocks)
        if let name = node.input(3) {
            let width = (blocks * op.bitWidth + 7) / 8
            guard let own = index.constant(name), own.elementType == .uint8, own.elementCount == op.columns * width else { return nil }
            let bytes = own.codes()
            for place in zeroPoints.indices { zeroPoints[place] = code(bytes, place / blocks * width * perByte + place % blocks) }
        }
        let width = blocks * op.blockSize
        let codes = (0..<op.columns).flatMap { row in (0..<op.depth).map { UInt8(code(bytes, row * width + $0)) } }
        let types: [Int: ElementType] = [2: .uint2, 4: .uint4]
        var parameters = QuantizationParameters(
            elementType: types[op.bitWidth] ?? .uint8, codes: 0...mask, scales: scales.floats(), zeroPoints: zeroPoints, axis: 1)
        parameters.blockSize = op.blockSize
        let shape: Shape = [op.columns, op.depth]
        self.init(codes: Tensor(codes: codes, shape: shape, parameters.elementType), shape: shape, .affine(parameters))
    }
}
