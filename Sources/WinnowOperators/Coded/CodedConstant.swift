import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A constant matrix that a graph stores as codes: DequantizeLinear of integers, or a table's numbers at indices, times scales or not;
/// behind Reshape and Transpose.
struct CodedConstant {
    private enum Meaning { case affine(zeroPoints: [Float]?), table([Float]) }

    /// One a number, in the order of `form`.
    private let codes: Tensor
    private let meaning: Meaning
    private let scales: [Float]
    /// The axes of the codes, and which scale their indices lead to.
    private let form: [ScaledAxis]
    /// The rows and columns that follow each other in the codes.
    private let rows: Int
    private let columns: Int
    /// Whether those are the matrix's columns and rows.
    private var isTransposed = false

    /// nil where a value is no such matrix, or codes are not constants of up to 8 bits.
    init?(_ value: ValueName?, in graph: GraphIndex) {
        guard var name = value, graph.constant(name) == nil, let shape = graph.info(of: name)?.shape, shape.rank == 2 else { return nil }
        while let node = graph.producer(of: name), let transpose = node.op as? Transpose, let source = node.input(0) {
            guard (try? transpose.order(rank: 2)) == [1, 0] else { return nil }
            isTransposed.toggle()
            name = source
        }
        guard let shape = graph.info(of: name)?.shape, shape.rank == 2 else { return nil }
        (rows, columns) = (shape[0], shape[1])
        if let node = graph.producer(of: name), node.op is Reshape, let source = node.input(0) { name = source }
        guard let node = graph.producer(of: name), let form = graph.info(of: name)?.shape, form.elementCount == rows * columns
        else { return nil }
        if let op = node.op as? DequantizeLinear {
            guard let codes = graph.constant(node.input(0)), codes.elementType.bitWidth <= 8, codes.elementType != .bool,
                let scale = graph.constantFloats(node.input(1)), codes.elementType.isInteger || node.input(2) == nil,
                let axes = ScaledAxis.all(op.scaleAxis, of: codes.shape, scale: scale.shape)
            else { return nil }
            let zeroPoint = graph.constant(node.input(2))
            guard node.input(2) == nil || zeroPoint?.elementCount == scale.elementCount else { return nil }
            (self.codes, scales, self.form) = (codes, scale.floats(), axes)
            scale.releasePages()
            meaning = codes.elementType.isInteger ? .affine(zeroPoints: zeroPoint?.floats()) : .table(codes.numbersOfCodes)
            return
        }
        if let lookUp = graph.lookUp(by: node) {
            (codes, meaning, scales) = (lookUp.codes, .table(lookUp.table), [1])
            self.form = [ScaledAxis(extent: rows * columns, blockSize: 1, stride: 0)]
            return
        }
        for (index, factor) in zip(node.inputs.indices, node.inputs.reversed()) where node.op is Mul && node.inputs.count == 2 {
            guard let scale = graph.constantFloats(factor), let lookUp = graph.producer(of: node.input(index)).flatMap({ graph.lookUp(by: $0) }),
                lookUp.shape == form, let axes = ScaledAxis.all(of: form, scale: scale.shape)
            else { continue }
            (codes, meaning, scales, self.form) = (lookUp.codes, .table(lookUp.table), scale.floats(), axes)
            return
        }
        return nil
    }

    /// The matrix as a kernel reads it, (K, N) or transposed (N, K), times `factor`; nil where so few rows share a scale that codes would
    /// be no smaller than numbers.
    func packed(transposed: Bool, factor: Float) -> PackedConstant? {
        guard let offsets = ScaledAxis.offsets(form, rows: rows, columns: columns) else { return nil }
        // Whether the codes' rows are the product's columns.
        let isTurned = isTransposed != transposed
        let (along, across) = isTurned ? (offsets.columns, offsets.rows) : (offsets.rows, offsets.columns)
        let changes = along.indices.dropFirst().filter { along[$0] != along[$0 - 1] }
        let blockSize = changes.reduce(0, greatestCommonDivisor)
        guard blockSize == 0 || blockSize >= 16 else { return nil }
        let bits = storedBits
        let matrix = CodedMatrix(
            columns: across.count, depth: along.count, bits: bits, blockSize: blockSize == 0 ? along.count : blockSize)
        let isSigned = codes.elementType.isInteger && codes.elementType.isSigned
        let half = Float(1 << (bits - 1))
        var result = PackedConstant(matrix: matrix, codes: codes.withUnsafeBytes { bytes in
            bytes.baseAddress.map {
                matrix.packed(
                    $0, storedBits: codes.elementType.bitWidth, rowStride: isTurned ? 1 : columns, columnStride: isTurned ? columns : 1,
                    flipped: isSigned ? 1 << UInt8(bits - 1) : 0)
            } ?? Tensor(zeros: [0], .uint8)
        })
        func place(_ column: Int, _ block: Int) -> Int { across[column] + along[block * matrix.blockSize] }
        if scales.contains(where: { $0 * factor != 1 }) { result.scales = matrix.packed { scales[place($0, $1)] * factor } }
        switch meaning {
        case .table(let table): result.table = Tensor(table + [Float](repeating: 0, count: 1 << bits - table.count))
        case .affine(let zeroPoints):
            let zeros = zeroPoints?.map { isSigned ? $0 : $0 - half } ?? [Float](repeating: isSigned ? 0 : -half, count: scales.count)
            if zeros.contains(where: { $0 != 0 }) { result.zeros = matrix.packed { Int8(zeros[place($0, $1)]) } }
        }
        codes.releasePages()
        return result
    }

    private var storedBits: Int {
        if case .table(let table) = meaning { return table.count <= 4 ? 2 : table.count <= 16 ? 4 : 8 }
        return codes.elementType.bitWidth
    }
}

/// A matrix of codes and what it is made of, as `CodedMatMul` takes it.
struct PackedConstant {
    var matrix: CodedMatrix
    var codes: Tensor
    var scales: Tensor?
    var zeros: Tensor?
    var table: Tensor?

    /// All in the order of `CodedMatMul`'s inputs.
    var operands: [(part: String, tensor: Tensor?)] { [("codes", codes), ("scales", scales), ("zeros", zeros), ("table", table)] }
}

/// An axis of codes, of which blocks share a scale: index i leads on by i / blockSize · stride.
private struct ScaledAxis {
    var extent: Int
    var blockSize: Int
    var stride: Int

    /// The axes of DequantizeLinear's codes.
    static func all(_ scaleAxis: ScaleAxis, of shape: Shape, scale: Shape) -> [ScaledAxis]? {
        guard let varying = try? scaleAxis.varyingAxis(rank: shape.rank, scale: scale) else {
            guard scale.elementCount == 1 else { return nil }
            return shape.map { ScaledAxis(extent: $0, blockSize: 1, stride: 0) }
        }
        if scaleAxis.blockSize == 0 {
            guard scale.elementCount == shape[varying] else { return nil }
            return shape.indices.map { ScaledAxis(extent: shape[$0], blockSize: 1, stride: $0 == varying ? 1 : 0) }
        }
        guard scale.rank == shape.rank else { return nil }
        let strides = scale.strides
        return shape.indices.map {
            ScaledAxis(extent: shape[$0], blockSize: $0 == varying ? scaleAxis.blockSize : 1, stride: strides[$0])
        }
    }

    /// The axes of numbers that scales broadcast to.
    static func all(of shape: Shape, scale: Shape) -> [ScaledAxis]? {
        guard scale.rank <= shape.rank else { return nil }
        let extents = [Int](repeating: 1, count: shape.rank - scale.rank) + scale.extents
        guard zip(extents, shape.extents).allSatisfy({ $0 == 1 || $0 == $1 }) else { return nil }
        let strides = Shape(extents).strides
        return shape.indices.map { ScaledAxis(extent: shape[$0], blockSize: 1, stride: extents[$0] == 1 ? 0 : strides[$0]) }
    }

    /// What each row and each column leads on by, if the axes are those of `rows` followed by those of `columns`.
    static func offsets(_ axes: [ScaledAxis], rows: Int, columns: Int) -> (rows: [Int], columns: [Int])? {
        var (left, leading, trailing) = (rows, [ScaledAxis](), [ScaledAxis]())
        for axis in axes {
            if left == 1 {
                trailing.append(axis)
            } else if left % axis.extent == 0 {
                leading.append(axis)
                left /= axis.extent
            } else {
                guard axis.extent % left == 0, axis.stride == 0 || axis.blockSize == 1 else { return nil }
                let inner = axis.extent / left
                leading.append(ScaledAxis(extent: left, blockSize: 1, stride: axis.stride * inner))
                trailing.append(ScaledAxis(extent: inner, blockSize: 1, stride: axis.stride))
                left = 1
            }
        }
        guard left == 1, trailing.reduce(1, { $0 *| $1.extent }) == columns else { return nil }
        return (offsets(leading), offsets(trailing))
    }

    private static func offsets(_ axes: [ScaledAxis]) -> [Int] {
        axes.reduce([0]) { offsets, axis in
            offsets.flatMap { offset in (0..<axis.extent).map { offset + $0 / axis.blockSize * axis.stride } }
        }
    }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

extension GraphIndex {
    /// The indices and the numbers of a node that looks constant indices up in a constant list of up to 256 numbers.
    fileprivate func lookUp(by node: Node) -> (codes: Tensor, table: [Float], shape: Shape)? {
        guard let gather = node.op as? Gather, let table = constant(node.input(0)), table.elementType == .float32,
            (1...256).contains(table.elementCount), table.shape.first == table.elementCount,
            (try? gather.axis.normalizedAxis(rank: table.rank)) == 0, let shape = info(of: node.output(0))?.shape,
            var codes = indices(node.input(1))
        else { return nil }
        if codes.elementType.bitWidth > 8 {
            let values = codes.integers()
            guard values.allSatisfy({ $0 >= 0 && $0 < table.elementCount }) else { return nil }
            codes = Tensor(codes: values.map { UInt8($0) }, shape: codes.shape, .uint8)
        } else {
            guard !codes.elementType.isSigned, 1 << codes.elementType.bitWidth <= table.elementCount
                || codes.codes().allSatisfy({ Int($0) < table.elementCount })
            else { return nil }
        }
        return (codes, table.floats(), shape)
    }

    /// Constant integers, or those that Cast makes of integers behind a DequantizeLinear that leaves them as they are.
    private func indices(_ value: ValueName?) -> Tensor? {
        if let tensor = constant(value) { return tensor.elementType.isInteger ? tensor : nil }
        guard let cast = producer(of: value), cast.op is Cast else { return nil }
        if let tensor = constant(cast.input(0)) { return tensor.elementType.isInteger ? tensor : nil }
        guard let node = producer(of: cast.input(0)), node.op is DequantizeLinear, node.input(2) == nil,
            let scale = constant(node.input(1)), scale.elementCount == 1, scale.floats()[0] == 1, let codes = constant(node.input(0))
        else { return nil }
        return codes.elementType.isInteger ? codes : nil
    }
}

extension Tensor {
    /// The number that each code of this element type stands for.
    fileprivate var numbersOfCodes: [Float] {
        let count = 1 << elementType.bitWidth
        return Tensor(codes: (0..<count).map { UInt8($0) }, shape: [count], elementType).floats()
    }
}
