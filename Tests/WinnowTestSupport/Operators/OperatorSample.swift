package import WinnowGraph
import WinnowOperators
package import WinnowTensor

/// One problem for one operator: what the laws are tried on.
package struct OperatorSample: Sendable, CustomStringConvertible {
    package var op: any Operator
    /// nil: an omitted optional input.
    package var inputs: [Tensor?]
    /// Inputs that are known when planning (shapes, axes).
    package var constants: Set<Int>
    package var outputCount: Int
    /// Inputs that the operator takes as lists: their slices along the first axis.
    package var lists: Set<Int> = []
    /// The operator-set version its attributes are read at.
    package var version: Int
    /// Inputs whose gradients are compared with finite differences.
    package var differentiated: [Int]
    /// The output whose gradient is given.
    package var gradientOutput: Int
    /// Relative to the largest magnitude of what is compared.
    package var tolerance: Double
    /// The outputs by plain loops over logical indices.
    package var reference: (@Sendable ([Tensor]) -> [Tensor])?

    /// `differentiated` defaults to all float32 inputs that are not constants; pass `[]` where there is no gradient.
    package init(
        _ op: any Operator, _ inputs: [Tensor?], constants: Set<Int> = [], outputs: Int = 1, version: Int = 21,
        differentiated: [Int]? = nil, gradientOutput: Int = 0, tolerance: Double = 1e-5,
        reference: (@Sendable ([Tensor]) -> [Tensor])? = nil
    ) {
        self.op = op
        self.inputs = inputs
        self.constants = constants
        outputCount = outputs
        self.version = version
        self.differentiated = differentiated
            ?? inputs.indices.filter { inputs[$0]?.elementType == .float32 && !constants.contains($0) }
        self.gradientOutput = gradientOutput
        self.tolerance = tolerance
        self.reference = reference
    }

    package var description: String {
        let shapes = inputs.map { $0.map { "\($0.elementType)[\($0.shape)]" } ?? "_" }.joined(separator: ", ")
        let attributes = op.attributes.names.map { "\($0): \(op.attributes[$0].map(\.description) ?? "")" }
        return "\(op.type)(\(shapes)) {\(attributes.joined(separator: ", "))}"
    }
}

extension OperatorSample {
    package func inputName(_ index: Int) -> ValueName { "x\(index)" }

    /// What is known of the inputs; those in `constants` with their elements.
    package func infos(constants: Set<Int>? = nil) -> [ValueInfo?] {
        inputs.enumerated().map { index, tensor in
            tensor.map {
                lists.contains(index) ? ValueInfo(ValueType(listOf: $0.elementType))
                    : (constants ?? self.constants).contains(index)
                    ? ValueInfo(constant: $0) : ValueInfo(ValueType($0.elementType, $0.shape))
            }
        }
    }

    /// A builder that holds the inputs (those in `constants` as initializers), and the node.
    package func build(constants: Set<Int>? = nil) throws -> (builder: GraphBuilder, node: Node) {
        let builder = GraphBuilder("sample")
        let names = try inputs.enumerated().map { index, tensor -> ValueName? in
            guard let tensor else { return nil }
            if (constants ?? self.constants).contains(index) { return builder.constant(inputName(index), tensor) }
            return try builder.input(inputName(index), tensor.elementType, tensor.shape.map { .fixed($0) })
        }
        let operands = try names.enumerated().map { index, name in
            try lists.contains(index) ? name.map { try builder.add(SplitToSequence(keepsAxis: false), $0) } : name
        }
        let results = try builder.add(op, inputs: operands, outputs: outputCount, name: "sampled")
        // A list as an output of the graph is its members stacked, an optional what it holds.
        let outputs = try results.map { result in
            guard let type = builder.info(of: result)?.type, !type.isTensor else { return result }
            return try builder.add(type.isList ? ConcatFromSequence(axis: 0, addsAxis: true) : OptionalGetElement(), result)
        }
        return (builder, Node(name: "sampled", op: op, inputs: names.map { $0 ?? "" }, outputs: outputs))
    }

    /// A graph of the operator alone.
    package func graph(constants: Set<Int>? = nil) throws -> Graph {
        let (builder, node) = try build(constants: constants)
        return try builder.graph(outputs: node.outputs)
    }

    /// The same sample taking some inputs as lists.
    package func taking(lists: Set<Int>) -> OperatorSample {
        var other = self
        other.lists = lists
        return other
    }

    /// The same sample with other input tensors.
    package func with(_ inputs: [Tensor?]) -> OperatorSample {
        var other = self
        other.inputs = inputs
        return other
    }

    /// The same sample without one index of a label, the operator and the lists it reads adjusted; nil where its attributes fix
    /// the label.
    package func removing(_ label: Character, at index: Int, _ map: AxisMap, _ extents: [Character: Int]) -> OperatorSample? {
        guard let extent = extents[label] else { return nil }
        let kept = (0..<extent).filter { $0 != index }
        let left = extents.merging([label: extent - 1]) { $1 }
        var smaller = self
        if map.extents[label] != nil {
            guard let op = op.resized(map.extents.merging([label: extent - 1]) { $1 }, for: infos()) else { return nil }
            smaller.op = op
        }
        smaller.inputs = inputs.enumerated().map { position, tensor in
            guard let tensor, position < map.inputs.count else { return tensor }
            if let terms = map.inputCounts[position] { return map.recounted(tensor, terms, from: extents, to: left) }
            return map.reordered(tensor, map.inputs[position], label: label, by: kept, extents: extents)
        }
        return smaller
    }

    /// The same sample with 0 at one index of a label of one input.
    package func zeroing(
        _ label: Character, at index: Int, in input: Int, _ map: AxisMap, _ extents: [Character: Int]
    ) -> OperatorSample {
        var changed = inputs
        let zeroPoint = op.inputRoles.first { role in if case .zeroPoint(input, _) = role.value { true } else { false } }
        let zero = zeroPoint.flatMap { $0.key < inputs.count ? inputs[$0.key]?.doubles().first : nil } ?? 0
        changed[input] = inputs[input].map { map.zeroed($0, map.inputs[input], label: label, at: index, extents: extents, to: zero) }
        return with(changed)
    }
}
