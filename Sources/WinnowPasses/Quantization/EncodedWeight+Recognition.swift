package import WinnowGraph
import WinnowOperators
import WinnowTensor

extension EncodedWeight {
    /// The codes behind a value that DequantizeLinear makes of constants, or that looks constants up in a table as `WeightStorage` writes
    /// it; nil where there are none.
    package init?(of value: ValueName?, in index: GraphIndex) {
        guard let producer = index.producer(of: value) else { return nil }
        if let encoded = EncodedWeight(turned: producer, in: index) {
            self = encoded
        } else if producer.op is Reshape, let shape = index.info(of: producer.output(0))?.shape, let inner = index.producer(of: producer.input(0)) {
            guard let form = EncodedWeight(madeBy: inner, in: index) else { return nil }
            self.init(codes: form.codes, shape: shape, form.meaning)
        } else {
            self.init(madeBy: producer, in: index)
        }
    }

    /// The table of numbers that a node looks codes up in, as `WeightStorage` writes it.
    package static func table(behind node: Node, in index: GraphIndex) -> ValueName? {
        guard node.op is Gather, let table = node.input(0) else { return nil }
        let isTable = EncodedWeight(lookedUp: node, in: index) != nil || CodeWords.rows(of: node, in: index) != nil
        return isTable ? table : nil
    }

    private init?(madeBy node: Node, in index: GraphIndex) {
        if node.op is DequantizeLinear { self.init(dequantized: node, in: index) } else { self.init(lookedUp: node, in: index) }
    }

    private init?(dequantized node: Node, in index: GraphIndex) {
        guard let op = node.op as? DequantizeLinear, let codes = index.constant(node.input(0)), let scale = index.scales(node.input(1)),
            let parameters = QuantizationParameters(of: node, op.scaleAxis, codeType: codes.elementType, scale: scale, in: index.graph)
        else { return nil }
        self.init(codes: codes, shape: codes.shape, .affine(parameters))
    }

    private init?(lookedUp node: Node, in index: GraphIndex) {
        var (node, scales) = (node, Tensor?.none)
        if node.op is Mul, let factors = index.scales(node.input(1)), let gather = index.producer(of: node.input(0)) {
            (scales, node) = (factors, gather)
        }
        guard node.op is Gather, let table = index.constant(node.input(0)), table.rank == 1,
            let codes = index.codes(behind: index.producer(of: node.input(1))), codes.codes().allSatisfy({ $0 < table.elementCount }),
            scales == nil || scales?.rank == codes.rank
        else { return nil }
        self.init(codes: codes, shape: codes.shape, .table(table.floats(), scales: scales))
    }

    /// Rows of palettes that were looked up, given the weight's shape and turned to its axes.
    private init?(turned node: Node, in index: GraphIndex) {
        var (axis, reshape) = (0, node)
        if let transpose = node.op as? Transpose {
            guard let permutation = transpose.permutation, let first = permutation.firstIndex(of: 0),
                permutation == CodeWords.inverse(first, rank: permutation.count), let inner = index.producer(of: node.input(0))
            else { return nil }
            (axis, reshape) = (first, inner)
        }
        guard reshape.op is Reshape, let shape = index.info(of: node.output(0))?.shape, shape.indices.contains(axis),
            let gather = index.producer(of: reshape.input(0)), let (codes, table, firsts) = CodeWords.rows(of: gather, in: index),
            codes.shape[0] == shape[axis], codes.elementCount * table.shape[1] == shape.elementCount
        else { return nil }
        self.init(codes: codes, shape: shape, .words(CodeWords(table: table, firsts: firsts, axis: axis)))
    }
}

extension CodeWords {
    /// The rows that a node looks up as `WeightStorage` writes it.
    fileprivate static func rows(of node: Node, in index: GraphIndex) -> (codes: Tensor, table: Tensor, firsts: Tensor?)? {
        guard node.op is Gather, let table = index.constant(node.input(0)), table.rank == 2, table.elementType == .float32,
            var indices = index.producer(of: node.input(1))
        else { return nil }
        var firsts: Tensor?
        if indices.op is Add, let own = index.constant(indices.input(1)), let inner = index.producer(of: indices.input(0)) {
            (firsts, indices) = (own, inner)
        }
        guard let codes = index.codes(behind: indices), codes.rank == 2, firsts == nil || firsts?.shape == [codes.shape[0], 1]
        else { return nil }
        let (own, width, starts) = (codes.codes(), codes.shape[1], firsts?.integers())
        let isInside = own.indices.allSatisfy { (0..<table.shape[0]).contains(Int(own[$0]) +| (starts?[$0 / width] ?? 0)) }
        return isInside ? (codes, table, firsts) : nil
    }
}

extension GraphIndex {
    /// The unsigned codes that a node turns into indices of a table.
    fileprivate func codes(behind cast: Node?) -> Tensor? {
        guard let cast, cast.op is Cast, let numbers = producer(of: cast.input(0)), numbers.op is DequantizeLinear,
            constant(numbers.input(1)) == Tensor(scalar: Float(1))
        else { return nil }
        guard let codes = constant(numbers.input(0)), codes.elementType.bitWidth <= 8, !codes.elementType.isSigned, codes.elementType.isInteger
        else { return nil }
        return codes
    }

    /// Constant factors of float32 numbers, as they are stored.
    fileprivate func scales(_ value: ValueName?) -> Tensor? { info(of: value)?.elementType == .float32 ? constantFloats(value) : nil }
}
