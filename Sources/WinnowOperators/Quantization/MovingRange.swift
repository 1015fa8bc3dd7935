package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// Scale and zero point of a value whose range follows the batches while training: (x, low, high) → (scale, zero point, next low, next
/// high). The next ends are m + 0.01·(x − m) of the batch's, and the encoding is theirs; otherwise both stay (torch's FakeQuantize with
/// MovingAverageMinMaxObserver). Or the ends are learned: what is cut off at one moves it (PACT; Choi et al. 2018).
package struct MovingRange: LearnedEncoding {
    package static let type = OperatorType("MovingRange", domain: "winnow")
    private static let part: Float = 0.01

    package var encoding: RangeEncoding
    package var codeType: ElementType
    package var moves = false
    /// Whether gradients move the ends, instead of batches.
    package var isLearned = false

    package init(_ encoding: RangeEncoding, _ codeType: ElementType) { (self.encoding, self.codeType) = (encoding, codeType) }

    package init(attributes: Attributes, version: Int) throws {
        let low = try attributes.int("low", default: 0)
        encoding = RangeEncoding(
            low...max(low, try attributes.int("high", default: 255)), leastScale: try attributes.float("least_scale"),
            isSymmetric: try attributes.flag("symmetric", default: false), isPowerOfTwo: try attributes.flag("power_of_two", default: false))
        codeType = ElementType(rawValue: try attributes.int("type", default: ElementType.uint8.rawValue)) ?? .uint8
        moves = try attributes.flag("moves", default: false)
        isLearned = try attributes.flag("learned", default: false)
    }

    package var attributes: Attributes {
        var attributes: Attributes = [
            "low": .int(encoding.codes.lowerBound), "high": .int(encoding.codes.upperBound), "type": .int(codeType.rawValue),
        ]
        if let leastScale = encoding.leastScale { attributes["least_scale"] = .float(leastScale) }
        if encoding.isSymmetric { attributes["symmetric"] = .int(1) }
        if encoding.isPowerOfTwo { attributes["power_of_two"] = .int(1) }
        if moves { attributes["moves"] = .int(1) }
        if isLearned { attributes["learned"] = .int(1) }
        return attributes
    }

    package func learned(by node: Node) -> [ValueName] { isLearned ? node.inputs.dropFirst().prefix(2).map { $0 } : [] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try (inputs.required(0), inputs.required(1), inputs.required(2))
        return [ValueInfo(.float32, []), ValueInfo(codeType, []), ValueInfo(.float32, []), ValueInfo(.float32, [])]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        try data.requireFloat32(request.nodeName)
        let (count, encoding, moves, type) = (data.shape.elementCount, encoding, moves, codeType)
        return Kernel { operands in
            var (low, high) = (operands.input(1, as: Float.self)[0], operands.input(2, as: Float.self)[0])
            if moves {
                let batch = RangeStatistics(of: UnsafeBufferPointer(start: operands.input(0, as: Float.self), count: count))
                if batch.minimum <= batch.maximum {
                    low += Self.part * (batch.minimum - low)
                    high += Self.part * (batch.maximum - high)
                }
            }
            let (scale, zeroPoint) = encoding(low...max(low, high))
            operands.output(0, as: Float.self)[0] = scale
            if type.bitWidth > 8 {
                operands.output(1).storeBytes(of: UInt16(truncatingIfNeeded: Int(zeroPoint)), as: UInt16.self)
            } else {
                operands.output(1).storeBytes(of: UInt8(truncatingIfNeeded: Int(zeroPoint)) & UInt8((1 << type.bitWidth) - 1), as: UInt8.self)
            }
            operands.optionalOutput(2)?.storeBytes(of: low, as: Float.self)
            operands.optionalOutput(3)?.storeBytes(of: high, as: Float.self)
        }
    }

    /// What the ends are worth is told where values are rounded.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { context.node.inputs.map { _ in nil } }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard !moves, !isLearned, let low = node.input(1), let high = node.input(2), graph.constant(low) != nil, graph.constant(high) != nil
        else { return nil }
        var moving = self
        moving.moves = true
        let next = ["low.next", "high.next"].map { graph.graph.freshValueName("\(node.name).\($0)") }
        var edit = GraphEdit(
            replacing: [node.name], with: [Node(name: node.name, op: moving, inputs: node.inputs, outputs: Array(node.outputs.prefix(2)) + next)])
        edit.updates = [low: next[0], high: next[1]]
        return edit
    }
}
