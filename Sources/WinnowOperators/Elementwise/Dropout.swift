package import WinnowGraph
import WinnowTensor

/// Its input, unchanged; while training, a random part of the elements becomes zero and the others grow to keep the mean.
package struct Dropout: Operator {
    package static let type = OperatorType("Dropout")
    package static let maximumInputCount = 3

    /// The part that becomes zero, as attribute; nil takes it from input 1 (operator-set 12 and above), else 0.5.
    package var ratio: Float?
    package var seed: Int?

    package init(ratio: Float? = nil, seed: Int? = nil) {
        self.ratio = ratio
        self.seed = seed
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            ratio: version < 12 ? try attributes.float("ratio", default: 0.5) : nil, seed: try attributes.int("seed", isSize: false))
    }

    package var attributes: Attributes {
        var result = Attributes()
        if let ratio { result["ratio"] = .float(ratio) }
        if let seed { result["seed"] = .int(seed) }
        return result
    }

    package var minimumVersion: Int { ratio == nil ? 12 : 7 }
    package var maximumVersion: Int { ratio == nil ? .max : 11 }
    package var quantization: QuantizationRule { .keepsScale }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.edit(
            replacing: node, with: Dropout(seed: seed), inputs: [("ratio", ratio.map { Tensor(scalar: $0) })])
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return [data, ValueInfo(.bool, data.extents)]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard request.outputs.count > 1 else { return .view }
        let data = try request.input(0)
        let count = data.shape.elementCount
        return Kernel { operands in
            operands.output(0).copyMemory(from: operands.input(0), byteCount: data.byteCount)
            operands.optionalOutput(1)?.initializeMemory(as: UInt8.self, repeating: 1, count: count)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        var map = AxisMap.elementwise(inputs: [inputs.optional(0)], outputRank: rank)
        guard !map.isOpaque else { return .opaque }
        map.inputs += inputs.dropFirst().map { _ in [] }
        map.outputs += map.outputs
        return map
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.outputGradient()] + context.node.inputs.dropFirst().map { _ in nil }
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { graph.removing(node) }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let ratio = ratio ?? graph.info(of: node.input(1))?.constant?.floats(first: 1).first ?? 0.5
        guard ratio > 0, let x = node.input(0), let y = node.output(0), node.output(1) == nil else { return nil }
        guard ratio < 1 else { throw WinnowError(.model, "ratio", "is \(ratio), but must be below 1") }
        let shape = graph.graph.freshValueName("\(node.name).shape")
        let mask = graph.graph.freshValueName("\(node.name).mask")
        let random = RandomMask(ratio: ratio, seed: seed ?? RandomMask.seed(for: node.name))
        return GraphEdit(
            replacing: [node.name],
            with: [
                Node(name: shape, op: ShapeOf(), inputs: [x], outputs: [shape]),
                Node(name: mask, op: random, inputs: [shape, "training.step"], outputs: [mask]),
                Node(name: node.name, op: Mul(), inputs: [x, mask], outputs: [y]),
            ])
    }
}

extension GraphBuilder {
    /// Dropout with a constant ratio.
    package func dropout(_ x: ValueName, ratio: Double, name: String? = nil) throws -> ValueName {
        try add(Dropout(), inputs: [x, constant("ratio", scalar: Float(ratio))], name: name)[0]
    }
}
