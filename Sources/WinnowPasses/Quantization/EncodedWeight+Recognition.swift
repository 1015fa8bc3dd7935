package import WinnowGraph
import WinnowOperators
import WinnowTensor

extension EncodedWeight {
    /// The codes behind a value that DequantizeLinear makes of constants, or that looks constants up in a table as `WeightStorage` writes
    /// it; nil where there are none.
    package init?(of value: ValueName?, in index: GraphIndex) {
        guard let producer = index.producer(of: value) else { return nil }
        if producer.op is Reshape, let shape = index.info(of: producer.output(0))?.shape, let inner = index.producer(of: producer.input(0)) {
            guard let form = EncodedWeight(madeBy: inner, in: index) else { return nil }
            self.init(codes: form.codes, shape: shape, form.meaning)
        } else {
            self.init(madeBy: producer, in: index)
        }
    }

    /// The table of numbers that a node looks codes up in, as `WeightStorage` writes it.
    package static func table(behind node: Node, in index: GraphIndex) -> ValueName? {
        guard node.op is Gather, let table = node.input(0), EncodedWeight(lookedUp: node, in: index) != nil else { return nil }
        return table
    }

    private init?(madeBy node: Node, in index: GraphIndex) {
        if node.op is DequantizeLinear { self.init(dequantized: node, in: index) } else { self.init(lookedUp: node, in: index) }
    }

    private init?(dequantized node: Node, in index: GraphIndex) {
        guard let op = node.op as? DequantizeLinear, let codes = index.constant(node.input(0)), let scale = index.widened(node.input(1)),
            let parameters = QuantizationParameters(of: node, op.scaleAxis, codeType: codes.elementType, scale: scale, in: index.graph)
        else { return nil }
        self.init(codes: codes, shape: codes.shape, .affine(parameters))
    }

    private init?(lookedUp node: Node, in index: GraphIndex) {
        var (node, scales) = (node, Tensor?.none)
        if node.op is Mul, let factors = index.widened(node.input(1)), let gather = index.producer(of: node.input(0)) {
            (scales, node) = (factors, gather)
        }
        guard node.op is Gather, let table = index.constant(node.input(0)), table.rank == 1,
            let cast = index.producer(of: node.input(1)), cast.op is Cast,
            let numbers = index.producer(of: cast.input(0)), numbers.op is DequantizeLinear,
            let codes = index.constant(numbers.input(0)), index.constant(numbers.input(1)) == Tensor(scalar: Float(1)),
            scales == nil || scales?.rank == codes.rank
        else { return nil }
        self.init(codes: codes, shape: codes.shape, .table(table.floats(), scales: scales))
    }
}

extension GraphIndex {
    /// A constant of floats, or the one that is converted to float32.
    fileprivate func widened(_ value: ValueName?) -> Tensor? {
        if let tensor = constant(value) { return tensor.elementType == .float32 ? tensor : nil }
        guard let cast = producer(of: value), (cast.op as? Cast)?.target == .float32 else { return nil }
        return constant(cast.input(0))
    }
}
