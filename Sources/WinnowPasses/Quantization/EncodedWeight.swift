package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// A weight as codes, and what the codes stand for: the one form that every way of storing weights starts from, and that is
/// recognised in a graph again.
package struct EncodedWeight: Sendable, Equatable {
    package enum Meaning: Sendable, Hashable {
        /// scale · (code − zero point)
        case affine(QuantizationParameters)
        /// The number that a table has at the code, times the scale of its block: as many blocks of equal length, in storage order, as
        /// there are scales; without scales as it is.
        case table([Float], scales: [Float])
    }

    package let shape: Shape
    /// Integers, in `shape`.
    package let codes: Tensor
    package let meaning: Meaning

    /// Each number of a float32 weight as the nearest code.
    package init(_ weight: Tensor, _ parameters: QuantizationParameters) {
        shape = weight.shape
        codes = parameters.quantize(weight).spilled()
        meaning = .affine(parameters)
    }

    /// Indices of a table, in 4 bits for tables of up to 16 numbers, in 8 bits for larger ones.
    package init(codes: [UInt8], shape: Shape, table: [Float], scales: [Float] = []) {
        self.shape = shape
        self.codes = Tensor(codes: codes, shape: shape, Self.codeType(table)).spilled()
        meaning = .table(table, scales: scales)
    }

    private init(codes: Tensor, shape: Shape, _ meaning: Meaning) {
        (self.codes, self.shape, self.meaning) = (codes, shape, meaning)
    }

    private static func codeType(_ table: [Float]) -> ElementType { table.count <= 16 ? .uint4 : .uint8 }

    /// The bytes of codes, table and scales.
    package var byteCount: Int {
        switch meaning {
        case .affine(let parameters): parameters.byteCount(for: shape)
        case .table(let table, let scales): codes.byteCount + 4 * (table.count + scales.count)
        }
    }

    /// The numbers that some of the codes stand for.
    package func numbers(in piece: Range<Int>) -> [Double] {
        switch meaning {
        case .affine(let parameters): return parameters.numbers(of: codes, in: piece).map(Double.init)
        case .table(let table, let scales):
            let length = shape.elementCount / max(1, scales.count)
            return zip(piece, codes.doubles(in: piece)).map { element, code in
                Double(scales.isEmpty ? table[Int(code)] : table[Int(code)] * scales[element / length])
            }
        }
    }

    /// All numbers, as float32.
    package var decoded: Tensor {
        Tensor(codes.pieces.flatMap { numbers(in: $0).map { Float($0) } }, shape: shape)
    }
}

extension EncodedWeight {
    /// The codes behind a value that DequantizeLinear makes of constants, or that looks constants up in a table as `WeightStorage` writes
    /// it; nil where there are none.
    package init?(of value: ValueName?, in index: GraphIndex) {
        guard let node = index.producer(of: value) else { return nil }
        if node.op is DequantizeLinear { self.init(dequantized: node, in: index) } else { self.init(lookedUp: node, in: index) }
    }

    /// The table of numbers that a node looks codes up in, as `WeightStorage` writes it.
    package static func table(behind node: Node, in index: GraphIndex) -> ValueName? {
        guard node.op is Gather, let table = node.input(0), EncodedWeight(lookedUp: node, in: index) != nil else { return nil }
        return table
    }

    private init?(dequantized node: Node, in index: GraphIndex) {
        guard let op = node.op as? DequantizeLinear, let codes = index.constant(node.input(0)),
            let parameters = QuantizationParameters(of: node, op.scaleAxis, codeType: codes.elementType, in: index.graph)
        else { return nil }
        self.init(codes: codes, shape: codes.shape, .affine(parameters))
    }

    private init?(lookedUp node: Node, in index: GraphIndex) {
        var (node, shape, scales) = (node, Shape?.none, [Float]())
        if node.op is Reshape, let inner = index.producer(of: node.input(0)), inner.op is Mul, let factors = index.constant(inner.input(1)),
            let gather = index.producer(of: inner.input(0))
        {
            (shape, scales, node) = (index.info(of: node.output(0))?.shape, factors.floats(), gather)
        }
        guard node.op is Gather, let table = index.constant(node.input(0)), table.rank == 1,
            let cast = index.producer(of: node.input(1)), cast.op is Cast,
            let numbers = index.producer(of: cast.input(0)), numbers.op is DequantizeLinear,
            let codes = index.constant(numbers.input(0)), index.constant(numbers.input(1)) == Tensor(scalar: Float(1))
        else { return nil }
        let own = shape ?? codes.shape
        let plain = own == codes.shape ? codes : Tensor(codes: codes.codes(), shape: own, codes.elementType)
        self.init(codes: plain, shape: own, .table(table.floats(), scales: scales))
    }
}
