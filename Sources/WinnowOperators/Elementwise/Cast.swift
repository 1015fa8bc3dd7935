package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// The elements as another type.
package struct Cast: Operator {
    package static let type = OperatorType("Cast")
    package static let maximumInputCount = 1

    package var target: ElementType
    /// Whether float8 targets saturate instead of giving NaN or infinity.
    package var saturates: Bool

    package init(to target: ElementType, saturates: Bool = true) {
        self.target = target
        self.saturates = saturates
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let code = try attributes.int("to"), let target = ElementType(rawValue: code) else {
            throw WinnowError(.model, "to", "names no element type that is known")
        }
        self.init(to: target, saturates: try attributes.flag("saturate", default: true))
    }

    package var attributes: Attributes {
        var result: Attributes = ["to": .int(target.rawValue)]
        if !saturates { result["saturate"] = .int(0) }
        return result
    }

    package var minimumVersion: Int {
        switch target {
        case .uint4, .int4: 21
        case .float4E2M1, .float8E8M0: 23
        case .float8E4M3FN, .float8E5M2: 19
        case .bfloat16: 13
        default: saturates ? 9 : 19
        }
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
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
        let cast = try CastKernel(from: data.elementType, to: target)
        let count = data.shape.elementCount
        return Kernel { cast.run(from: $0.input(0), to: $0.output(0), count: count) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        return .elementwise(inputs: inputs, outputRank: rank)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        guard let source = context.info(of: try context.input(0))?.elementType, source.isFloatingPoint,
            target.isFloatingPoint
        else { return [nil] }
        return [try context.builder.add(Cast(to: source), context.outputGradient())]
    }
}
