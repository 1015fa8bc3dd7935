package import WinnowGraph
import WinnowTensor

/// Its input, unchanged; while training, a random part of the elements becomes zero and the others grow to keep the mean.
package struct Dropout: Operator {
    package static let type = OperatorType("Dropout")
    package static let maximumInputCount = 3
    package static let maximumOutputCount = 2

    package var inputRoles: [Int: OperandRole] { [1: .setting, 2: .setting] }

    /// The part that becomes zero, as attribute; nil takes it from input 1 (operator-set 12 and above), else 0.5.
    package var ratio: Float?
    package var seed: Int?
    /// Before operator set 10 the mask had the type of the data.
    private var hasNumericMask = false

    package init(ratio: Float? = nil, seed: Int? = nil) {
        self.ratio = ratio
        self.seed = seed
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            ratio: version < 12 ? try attributes.float("ratio", default: 0.5) : nil, seed: try attributes.int("seed", isSize: false))
        hasNumericMask = version < 10
        guard try version > 6 || attributes.flag("is_test", default: true) else {
            throw WinnowError(.unsupported, "is_test", "0 asks for random numbers outside training", remedy: "export it for inference")
        }
    }

    package var attributes: Attributes {
        var result = Attributes()
        if let ratio { result["ratio"] = .float(ratio) }
        if let seed { result["seed"] = .int(seed) }
        return result
    }

    package var minimumVersion: Int { ratio == nil ? 12 : hasNumericMask ? 7 : 10 }
    package var maximumVersion: Int { ratio == nil ? .max : hasNumericMask ? 9 : 11 }
    package var quantization: QuantizationRule { .keepsScale }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        let trains = graph.info(of: node.input(2)).map { $0.constant?.doubles() != [0] } ?? false
        return trains ? nil : .unchanged
    }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        var edit = graph.edit(
            replacing: node, with: Dropout(seed: seed), inputs: [("ratio", ratio.map { Tensor(scalar: $0) })])
        guard hasNumericMask, let mask = node.output(1), let type = graph.info(of: mask)?.elementType else { return edit }
        let truth = graph.graph.freshValueName("\(mask).bool")
        edit.addedNodes[0].outputs[1] = truth
        edit.addedNodes.append(
            Node(name: "\(node.name).mask", op: Cast(to: type), inputs: [truth], outputs: [mask]))
        return edit
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return [data, ValueInfo(hasNumericMask ? data.elementType : .bool, data.extents)]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard request.outputs.count > 1 else { return .view }
        let data = try request.input(0)
        let mask = Tensor([Double](repeating: 1, count: data.shape.elementCount), shape: data.shape, as: request.outputs[1].elementType)
        return Kernel { operands in
            operands.output(0).copyMemory(from: operands.input(0), byteCount: data.byteCount)
            mask.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { operands.optionalOutput(1)?.copyMemory(from: base, byteCount: bytes.count) }
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        var map = AxisMap.elementByElement(inputs)
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
