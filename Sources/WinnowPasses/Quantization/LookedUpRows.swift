import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A table whose rows are all that is read of it, stored as int8 with a scale a row: rows are looked up as codes, so that only those
/// that are read become numbers. `Gather(codes) → Cast → Mul(Gather(scales))`.
struct LookedUpRows {
    private let encoded: EncodedWeight
    private let parameters: QuantizationParameters
    private let target: WeightTarget
    private let lookups: [Node]

    /// nil where the table is read otherwise, or stored otherwise.
    init?(_ encoded: EncodedWeight, _ target: WeightTarget, in index: GraphIndex) {
        guard case .affine(let parameters) = encoded.meaning, parameters.elementType == .int8, !parameters.hasZeroPoints,
            parameters.axis == 0, parameters.blockSize == 0, parameters.form == nil, target.stored.elementType == .float32,
            let lookups = index.lookups(of: target)
        else { return nil }
        (self.encoded, self.parameters, self.target, self.lookups) = (encoded, parameters, target, lookups)
    }

    /// The codes behind a node that looks rows up as `write` does, and what they stand for.
    static func encoded(behind node: Node, in index: GraphIndex) -> (codes: ValueName, encoded: EncodedWeight)? {
        guard node.op is Mul, let cast = index.producer(of: node.input(0)), (cast.op as? Cast)?.target == .float32,
            let numbers = index.producer(of: cast.input(0)), let factors = index.producer(of: node.input(1)),
            (numbers.op as? Gather)?.axis == 0, (factors.op as? Gather)?.axis == 0, numbers.input(1) == factors.input(1),
            let name = numbers.input(0), let codes = index.constant(name), codes.elementType == .int8, codes.rank == 2,
            let scales = index.constant(factors.input(0)), scales.elementType == .float32, scales.shape == [codes.shape[0], 1]
        else { return nil }
        let parameters = QuantizationParameters(
            elementType: .int8, codes: -128...127, scales: scales.floats(),
            zeroPoints: [Int](repeating: 0, count: codes.shape[0]), axis: 0)
        return (name, EncodedWeight(codes: codes, shape: codes.shape, .affine(parameters)))
    }

    func write(to edit: inout GraphEdit, _ names: inout FreshNames) {
        let (codes, scales) = (names.value("\(target.tensor).codes"), names.value("\(target.tensor).scale"))
        let column = Tensor(parameters.scales, shape: [parameters.scales.count, 1])
        edit.initializers += [(codes, encoded.codes), (scales, column.spilled())]
        for node in lookups {
            guard let output = node.output(0) else { continue }
            func part(_ part: String, _ op: any Operator, _ inputs: [ValueName]) -> ValueName {
                let value = names.value("\(node.name).\(part)")
                edit.addedNodes.append(Node(name: names.node("\(node.name).\(part)"), op: op, inputs: inputs, outputs: [value]))
                return value
            }
            edit.removedNodes.insert(node.name)
            let numbers = part("numbers", Cast(to: .float32), [part("codes", node.op, [codes, node.inputs[1]])])
            let factors = part("scales", node.op, [scales, node.inputs[1]])
            edit.addedNodes.append(Node(name: node.name, op: Mul(), inputs: [numbers, factors], outputs: [output], notes: node.notes))
        }
    }
}
