package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// Codes of real numbers: saturate(round(x / scale) + zero point), half to even.
package struct QuantizeLinear: Operator {
    package static let type = OperatorType("QuantizeLinear")
    package static let maximumInputCount = 3
    package static var typeAttributes: Set<String> { ["output_dtype", "precision"] }

    /// Whether it is that of ONNX Runtime's own domain, which knows every type of codes.
    package var isContributed = false
    package var type: OperatorType { isContributed ? ContributedQuantizeLinear.type : Self.type }

    package var inputRoles: [Int: OperandRole] { [1: .scale, 2: .setting] }
    package var float32Inputs: Set<Int> { [0, 1] }

    package var scaleAxis: ScaleAxis
    /// The type of the codes where no zero point tells it.
    package var codeType: ElementType?
    /// Whether codes of float8 saturate instead of being NaN or infinite.
    package var saturates = true
    private var hints = RuntimeHints()

    package init(axis: Int? = nil, blockSize: Int = 0, codeType: ElementType? = nil) {
        scaleAxis = ScaleAxis(axis: axis, blockSize: blockSize)
        self.codeType = codeType
    }

    package init(attributes: Attributes, version: Int) throws {
        scaleAxis = try ScaleAxis(attributes: attributes)
        let type = try attributes.int("output_dtype", default: 0)
        codeType = type == 0 ? nil : ElementType(rawValue: type)
        saturates = try attributes.flag("saturate", default: true)
        hints = try RuntimeHints(attributes, "precision")
    }

    package var attributes: Attributes {
        var attributes = scaleAxis.attributes
        if let codeType { attributes["output_dtype"] = .int(codeType.rawValue) }
        if !saturates { attributes["saturate"] = .int(0) }
        return hints.added(to: attributes)
    }

    package var minimumVersion: Int { isContributed ? 1 : codeType == nil ? saturates ? scaleAxis.minimumVersion : 19 : 21 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        _ = try inputs.required(1)
        let type = inputs.optional(2)?.elementType ?? codeType ?? .uint8
        return try evaluatingConstants([ValueInfo(type, data.extents)], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        let codes = inputs.optional(2)?.elementType ?? codeType ?? .uint8
        // Codes that share a byte cannot be moved apart.
        guard scaleAxis.blockSize == 0, codes.bitWidth >= 8 else { return .rowMajor }
        let isPlain = inputs.optional(0)?.elementType == .float32 && inputs.optional(0)?.rank ?? 0 >= 3
            && inputs.optional(1)?.shape?.elementCount == 1 && codes.bitWidth == 8 && codes.isInteger
        return isPlain ? .reordering : .shared
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        guard data.elementType == .float32 else {
            throw WinnowError(.unsupported, request.nodeName, "quantizes float32 only, not \(data.elementType)")
        }
        let parameters = try AffineOperands(request)
        if data.layout != request.outputs[0].layout, request.outputs[0].layout == .channelsLast {
            let quantize = try ReorderingQuantizeKernel(data.shape, to: request.outputs[0].elementType)
            return Kernel(scratchByteCount: parameters.scratchByteCount) { operands in
                parameters.withPointers(operands) {
                    quantize.run(
                        operands.input(0, as: Float.self), scale: $0.scales[0], zeroPoint: $0.zeroPoints[0],
                        to: operands.output(0, as: UInt8.self))
                }
            }
        }
        let quantize = try QuantizeKernel(
            to: request.outputs[0].elementType, scaleAxis.geometry(data, scale: request.input(1).shape), saturates: saturates)
        let offset = parameters.scratchByteCount
        return Kernel(scratchByteCount: offset + quantize.scratchByteCount) { operands in
            parameters.withPointers(operands) { encodings in
                quantize.run(
                    operands.input(0, as: Float.self), encodings, to: operands.output(0),
                    scratch: operands.scratch.map { $0 + offset })
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { scaleAxis.axes(for: inputs, scaleInput: 1) }
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    /// Codes count as numbers: straight-through to x inside the range, −Σ dy·x/scale² to the scale.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        let (data, scale) = (try context.input(0), try context.input(1))
        guard let rank = context.info(of: data)?.rank,
            let range = (context.info(of: try context.output(0))?.elementType ?? .uint8).integerRange
        else { return nil }
        let wide = try scaleAxis.broadcastable(scale, rank: rank, builder)
        let quotient = try builder.add(Div(), context.outputGradient(), wide)
        let fake = FakeQuantizeGradient(FakeQuantize(range: range, axis: scaleAxis.axis))
        let dx = try builder.add(fake, inputs: [quotient, data, scale, context.node.input(2)], outputs: 2)[0]
        let rest = context.node.inputs.dropFirst(2).map { _ -> ValueName? in nil }
        guard context.needs(1) else { return [dx, nil] + rest }
        let share = try builder.add(Div(), builder.add(Mul(), dx, data), wide)
        return [dx, try scaleAxis.summed(builder.add(Neg(), share), like: wide, scale, builder)] + rest
    }
}

extension ScaleAxis {
    /// Sums `value` over everything that shares a scale and gives it the scale's shape.
    func summed(_ value: ValueName, like wide: ValueName, _ scale: ValueName, _ builder: GraphBuilder) throws -> ValueName {
        let sum = try builder.add(SumToShape(), value, builder.add(ShapeOf(), wide))
        return wide == scale ? sum : try builder.add(Reshape(), sum, builder.add(ShapeOf(), scale))
    }
}
