package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A product with a constant matrix of 2-, 4- or 8-bit codes in blocks along K, stored as (N, blocks, bytes).
///
/// Inputs: A, B packed, scales (N · blocks), zero points (packed uint8 or float, optional), the block of each of the K rows
/// (optional), bias.
package struct MatMulNBits: TrainedInParts {
    package static let type = OperatorType("MatMulNBits", domain: "com.microsoft")
    package static let maximumInputCount = 6

    package var inputRoles: [Int: OperandRole] { [
            1: .packed(PackedCodes(rows: columns, depth: depth, bitWidth: bitWidth, blockSize: blockSize)), 2: .scale,
            3: .zeroPoint(of: 1, axis: 0), 4: .setting,
        ]
    }

    package var depth: Int
    package var columns: Int
    package var bitWidth: Int
    package var blockSize: Int
    private var hints = RuntimeHints()
    /// Whether the file lets data be rounded to 8 bits, block by block.
    private(set) var allowsBytes = false

    package init(depth: Int, columns: Int, bitWidth: Int = 4, blockSize: Int) {
        self.depth = depth
        self.columns = columns
        self.bitWidth = bitWidth
        self.blockSize = blockSize
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            depth: try attributes.int("K", default: 0), columns: try attributes.int("N", default: 0),
            bitWidth: try attributes.int("bits", default: 4), blockSize: try attributes.int("block_size", default: 0))
        guard depth > 0, columns > 0, [2, 4, 8].contains(bitWidth), blockSize >= 16 else {
            throw WinnowError(.unsupported, "attributes", "K \(depth), N \(columns), \(bitWidth) bits, blocks of \(blockSize)")
        }
        guard try attributes.int("weight_prepacked", default: 0) == 0 else {
            throw WinnowError(.unsupported, "weight_prepacked", "matrices packed for one machine cannot be read")
        }
        hints = try RuntimeHints(attributes, "accuracy_level")
        allowsBytes = try attributes.int("accuracy_level") == 4
    }

    package var attributes: Attributes {
        hints.added(to: ["K": .int(depth), "N": .int(columns), "bits": .int(bitWidth), "block_size": .int(blockSize)])
    }

    private var blockCount: Int { (depth + blockSize - 1) / blockSize }

    /// The bytes of B.
    private var byteCount: Int { columns *| blockCount *| (blockSize * bitWidth / 8) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let left = try inputs.required(0)
        if let matrix = inputs.optional(1), let shape = matrix.shape, matrix.elementType.byteCount(of: shape.elementCount) != byteCount {
            throw WinnowError(
                .shape, "input \(matrix.type)", "is no matrix of \(columns)×\(depth) codes of \(bitWidth) bits in blocks of \(blockSize)")
        }
        guard let extents = left.extents else { return [ValueInfo(left.elementType, nil)] }
        guard let last = extents.last, last.value ?? depth == depth else {
            throw WinnowError(.shape, "input \(left.type)", "does not end in \(depth)")
        }
        return [ValueInfo(left.elementType, extents.dropLast() + [.fixed(columns)])]
    }

    /// The matrix as (N, K) float32.
    private func dequantized(_ inputs: [ValueInfo?], _ nodeName: String) throws -> Tensor {
        guard let packed = try inputs.required(1).constant, let scales = try inputs.required(2).constant?.floats(),
            packed.byteCount == byteCount, scales.count == columns * blockCount
        else { throw WinnowError(.unsupported, nodeName, "its matrix is not constant or has another size") }
        let (mask, perByte) = ((1 << bitWidth) - 1, 8 / bitWidth)
        let zeroPoints = try zeroPoints(inputs.optional(3), nodeName, mask, perByte)
        let codes = packed.codes()
        let blocks = try blocks(inputs.optional(4), nodeName)
        var values = [Float](repeating: 0, count: columns * depth)
        for column in 0..<columns {
            for k in 0..<depth {
                let block = column * blockCount + k / blockSize
                let position = block * blockSize + k % blockSize
                let code = Int(codes[position / perByte]) >> (position % perByte * bitWidth) & mask
                let scaling = column * blockCount + blocks[k]
                values[column * depth + k] = (Float(code) - zeroPoints[scaling]) * scales[scaling]
            }
        }
        return Tensor(values, shape: [columns, depth])
    }

    /// Whose scale each row has: that of its own block, or that which an input names.
    private func blocks(_ info: ValueInfo?, _ nodeName: String) throws -> [Int] {
        guard let info else { return (0..<depth).map { $0 / blockSize } }
        guard let blocks = info.constant?.integers(), blocks.count >= depth, blocks.allSatisfy({ (0..<blockCount).contains($0) })
        else { throw WinnowError(.unsupported, nodeName, "the blocks of its rows (g_idx) are not constant or not there") }
        return blocks
    }

    private func zeroPoints(_ info: ValueInfo?, _ nodeName: String, _ mask: Int, _ perByte: Int) throws -> [Float] {
        guard let info else { return [Float](repeating: Float(1 << (bitWidth - 1)), count: columns * blockCount) }
        guard let tensor = info.constant else {
            throw WinnowError(.unsupported, nodeName, "its zero points are not constant")
        }
        if tensor.elementType.isFloatingPoint {
            guard tensor.elementCount == columns * blockCount else {
                throw WinnowError(.shape, nodeName, "has \(tensor.elementCount) zero points, not \(columns * blockCount)")
            }
            return tensor.floats()
        }
        let rowByteCount = (blockCount * bitWidth + 7) / 8
        let codes = tensor.codes()
        guard codes.count == columns * rowByteCount else {
            throw WinnowError(.shape, nodeName, "has \(codes.count) bytes of zero points, not \(columns * rowByteCount)")
        }
        return (0..<(columns * blockCount)).map { index in
            let (column, block) = index.quotientAndRemainder(dividingBy: blockCount)
            return Float(Int(codes[column * rowByteCount + block / perByte]) >> (block % perByte * bitWidth) & mask)
        }
    }

    /// The matrix as kernels read it; nil where rows name their blocks, or something is not constant.
    func packed(_ node: Node, in graph: GraphIndex) -> PackedConstant? {
        guard let codes = graph.constant(node.input(1)), let storedScales = graph.constant(node.input(2)), node.input(4) == nil,
            codes.byteCount == byteCount, storedScales.elementCount == columns * blockCount,
            node.input(3) == nil || graph.constant(node.input(3)) != nil,
            let zeroPoints = try? zeroPoints(graph.info(of: node.input(3)), node.name, (1 << bitWidth) - 1, 8 / bitWidth)
        else { return nil }
        let scales = storedScales.floats()
        let matrix = CodedMatrix(columns: columns, depth: depth, bits: bitWidth, blockSize: blockSize)
        let (width, half) = (blockCount * blockSize, Float(1 << (bitWidth - 1)))
        var result = PackedConstant(matrix: matrix, codes: codes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { matrix.packed($0, storedBits: bitWidth, rowStride: 1, columnStride: width) } ?? codes
        })
        result.scales = matrix.packed { scales[$0 * blockCount + $1] }
        if zeroPoints.contains(where: { $0 != half }) {
            let areWhole = zeroPoints.allSatisfy { Float(Int8(exactly: $0 - half) ?? 0) == $0 - half }
            result.zeros = areWhole
                ? matrix.packed { Int8(zeroPoints[$0 * blockCount + $1] - half) } : matrix.packed { zeroPoints[$0 * blockCount + $1] - half }
        }
        codes.releasePages()
        storedScales.releasePages()
        return result
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    /// Counted without its parts, which hold the whole matrix as float32.
    package func multiplyAccumulates(inputs: [ValueInfo?], outputs: [ValueInfo?]) -> Int?? {
        guard let extents = outputs.first??.extents else { return .some(nil) }
        let known = extents.compactMap(\.value)
        return .some(known.count == extents.count ? known.reduce(depth, *|) : nil)
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let matrix = try dequantized(inputs.map { $0.flatMap { b.info(of: $0) } }, type.name)
        let left = try inputs.required(0)
        let type = b.info(of: left)?.elementType ?? .float32
        let product = try b.add(MatMul(), left, b.constant("matrix", matrix.transposed([1, 0]).converted(to: type)))
        return [try inputs.present(5).map { try b.add(product, $0) } ?? product]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        var product = request
        let matrix = try dequantized(request.inputs.map { $0.map(ValueInfo.init(operand:)) }, request.nodeName)
        product.inputs = [
            try request.input(0), OperandPlan(shape: matrix.shape, elementType: .float32, constant: matrix),
            request.optionalInput(5),
        ]
        let kernel = try MatrixProduct(transposesRight: true).kernel(for: product)
        // The constant matrix is packed inside; the bias moves from input 5 to input 2.
        let hasBias = request.optionalInput(5) != nil
        let pointers = OperandList(count: 5)
        return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
            pointers[0] = UnsafeMutableRawPointer(mutating: operands.input(0))
            pointers[1] = nil
            pointers[2] = hasBias ? UnsafeMutableRawPointer(mutating: operands.input(5)) : nil
            pointers[3] = operands.output(0)
            pointers[4] = operands.scratch
            try kernel.run(Operands(pointers.base, inputCount: 3, outputCount: 1))
        }
    }
}
