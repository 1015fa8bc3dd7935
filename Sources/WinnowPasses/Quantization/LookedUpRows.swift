import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A table whose rows are all that is read of it, stored as int8 with a scale a row, or for each index of an axis of the rows: rows are
/// looked up as codes, so that only those that are read become numbers. `Gather(codes) → Cast → Mul(Gather(scales))`, or `Mul(scales)`.
struct LookedUpRows {
    private let encoded: EncodedWeight
    private let parameters: QuantizationParameters
    private let target: WeightTarget
    private let lookups: [Node]

    /// nil where the table is read otherwise, or stored otherwise.
    init?(_ encoded: EncodedWeight, _ target: WeightTarget, in index: GraphIndex) {
        guard case .affine(let parameters) = encoded.meaning, parameters.elementType == .int8, !parameters.hasZeroPoints,
            let axis = parameters.axis, parameters.blockSize == 0, parameters.form == nil, target.stored.elementType == .float32,
            target.stored.rank > 2 || axis == 0,
            let lookups = index.lookups(of: target)
        else { return nil }
        (self.encoded, self.parameters, self.target, self.lookups) = (encoded, parameters, target, lookups)
    }

    /// The codes behind a node that looks rows up as `write` does, and what they stand for.
    static func encoded(behind node: Node, in index: GraphIndex) -> (codes: ValueName, encoded: EncodedWeight)? {
        guard node.op is Mul, let cast = index.producer(of: node.input(0)), (cast.op as? Cast)?.target == .float32,
            let numbers = index.producer(of: cast.input(0)), (numbers.op as? Gather)?.axis == 0,
            let name = numbers.input(0), let codes = index.constant(name), codes.elementType == .int8, codes.rank >= 2
        else { return nil }
        let factors = index.producer(of: node.input(1))
        let areLookedUp = (factors?.op as? Gather)?.axis == 0 && factors?.input(1) == numbers.input(1)
        guard areLookedUp || codes.rank > 2, let scales = index.constant(areLookedUp ? factors?.input(0) : node.input(1)),
            scales.elementType == .float32, scales.rank > 0, areLookedUp == (scales.rank == codes.rank)
        else { return nil }
        let axis = codes.rank - scales.rank
        guard axis >= 0, scales.shape[0] == codes.shape[axis], scales.shape.dropFirst().allSatisfy({ $0 == 1 }) else { return nil }
        let parameters = QuantizationParameters(
            elementType: .int8, codes: -128...127, scales: scales.floats(),
            zeroPoints: [Int](repeating: 0, count: scales.elementCount), axis: axis)
        return (name, EncodedWeight(codes: codes, shape: codes.shape, .affine(parameters)))
    }

    func write(to edit: inout GraphEdit, _ names: inout FreshNames) {
        let (codes, scales) = (names.value("\(target.tensor).codes"), names.value("\(target.tensor).scale"))
        let rank = encoded.shape.rank
        let axis = parameters.axis ?? 0
        // Those of a row's axis stand for all rows alike.
        let column = Shape((axis..<rank).map { $0 == axis ? parameters.scales.count : 1 })
        edit.initializers += [(codes, encoded.codes), (scales, Tensor(parameters.scales, shape: column).spilled())]
        for node in lookups {
            guard let output = node.output(0) else { continue }
            func part(_ part: String, _ op: any Operator, _ inputs: [ValueName]) -> ValueName {
                let value = names.value("\(node.name).\(part)")
                edit.addedNodes.append(Node(name: names.node("\(node.name).\(part)"), op: op, inputs: inputs, outputs: [value]))
                return value
            }
            edit.removedNodes.insert(node.name)
            let numbers = part("numbers", Cast(to: .float32), [part("codes", node.op, [codes, node.inputs[1]])])
            let factors = axis == 0 ? part("scales", node.op, [scales, node.inputs[1]]) : scales
            edit.addedNodes.append(Node(name: node.name, op: Mul(), inputs: [numbers, factors], outputs: [output], notes: node.notes))
        }
    }
}
