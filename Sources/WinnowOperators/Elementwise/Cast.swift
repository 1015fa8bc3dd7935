package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// The elements as another type.
package struct Cast: Operator {
    package static let type = OperatorType("Cast")
    package static let maximumInputCount = 1
    package static var typeAttributes: Set<String> { ["to"] }

    package var target: ElementType
    /// To float8: whether it saturates instead of giving NaN or infinity, and to powers of two which way it rounds.
    package var rounding: MiniFloat.Rounding

    package init(to target: ElementType, rounding: MiniFloat.Rounding = MiniFloat.Rounding(.up)) {
        self.target = target
        self.rounding = rounding
    }

    package init(attributes: Attributes, version: Int) throws {
        let code = try version < 6 ? attributes.string("to").flatMap { Self.oldNames[$0] } : attributes.int("to")
        guard let target = code.flatMap({ ElementType(rawValue: $0) }) else {
            throw WinnowError(.model, "to", "names no element type that is known")
        }
        self.init(to: target, rounding: try MiniFloat.Rounding(attributes: attributes))
    }

    /// To texts and others that no tensor here holds, it is an operator that is not known.
    package static func reading(_ attributes: Attributes, version: Int) throws -> any Operator {
        if version >= 6, let code = try attributes.int("to"), ElementType.foreignNames[code] != nil {
            _ = try MiniFloat.Rounding(attributes: attributes)
            return UnknownOperator(type, attributes: attributes, version: version)
        }
        return try Cast(attributes: attributes, version: version)
    }

    /// Before operator set 6 types were named.
    private static let oldNames: [String: Int] = [
        "FLOAT": 1, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7, "BOOL": 9, "FLOAT16": 10, "DOUBLE": 11,
        "UINT32": 12, "UINT64": 13,
    ]

    package var attributes: Attributes {
        var result: Attributes = ["to": .int(target.rawValue)]
        rounding.add(to: &result)
        return result
    }

    package var minimumVersion: Int {
        switch target {
        case .uint4, .int4: 21
        case .uint2, .int2: 25
        case .float4E2M1, .float8E8M0: max(23, rounding.minimumVersion)
        case .float8E4M3FN, .float8E5M2: max(19, rounding.minimumVersion)
        case .bfloat16: 13
        default: max(6, rounding.minimumVersion)
        }
    }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        guard let source = graph.info(of: node.input(0)), !source.isGuess else { return nil }
        if source.elementType == target { return .unchanged }
        return source.elementType.isFloatingPoint && target.isFloatingPoint ? .converted : nil
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard data.type.isTensor else { throw WinnowError(.model, "input", "is \(data.type), but must be a tensor") }
        var info = ValueInfo(target, data.extents)
        if target == .int64 || target == .int32 { info.symbolicElements = data.symbolicElements }
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        let widths = [inputs.optional(0)?.elementType.bitWidth ?? 8, target.bitWidth]
        return widths.allSatisfy { $0 >= 8 } ? .shared : .rowMajor
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        if data.elementType == target { return .view }
        let cast = try CastKernel(from: data.elementType, to: target, rounding: rounding)
        let count = data.shape.elementCount
        return Kernel { cast.run(from: $0.input(0), to: $0.output(0), count: count) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .elementByElement(inputs) }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        guard let source = context.info(of: try context.input(0))?.elementType, source.isFloatingPoint,
            target.isFloatingPoint
        else { return [nil] }
        return [try context.builder.add(Cast(to: source), context.outputGradient())]
    }
}

extension MiniFloat.Rounding {
    init(attributes: Attributes) throws {
        let name = try attributes.string("round_mode", default: "up")
        guard let direction = Direction(rawValue: name) else { throw WinnowError(.model, "round_mode", "\(name) is not known") }
        self.init(direction, saturates: try attributes.flag("saturate", default: true))
    }

    func add(to attributes: inout Attributes) {
        if direction != .up { attributes["round_mode"] = .string(direction.rawValue) }
        if !saturates { attributes["saturate"] = .int(0) }
    }

    var minimumVersion: Int { direction != .up ? 24 : saturates ? 1 : 19 }
}
