package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A QuantizeLinear–DequantizeLinear pair in training: x rounded to what its code can say, in float32.
///
/// Inputs: x, scale, zero point (optional), then what it follows from where that is trained: an offset, or the ends of the range.
package struct FakeQuantize: Operator {
    package static let type = OperatorType("FakeQuantize", domain: "winnow")

    /// The smallest and largest code.
    package var range: ClosedRange<Int>
    package var scaleAxis: ScaleAxis

    package init(range: ClosedRange<Int>, axis: Int? = nil) {
        self.range = range
        scaleAxis = ScaleAxis(axis: axis)
    }

    package init(attributes: Attributes, version: Int) throws {
        let low = try attributes.int("low", default: -128)
        self.init(range: low...max(low, try attributes.int("high", default: 127)), axis: try attributes.int("axis"))
    }

    package var attributes: Attributes {
        var attributes = scaleAxis.attributes
        attributes["low"] = .int(range.lowerBound)
        attributes["high"] = .int(range.upperBound)
        return attributes
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(1)
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        try data.requireFloat32(request.nodeName)
        let parameters = try AffineOperands(request)
        let fake = FakeQuantizeKernel(range, try scaleAxis.geometry(data, scale: request.input(1).shape))
        return Kernel(placement: .mayOverwrite([0]), scratchByteCount: parameters.scratchByteCount) { operands in
            parameters.withPointers(operands) {
                fake.run(operands.input(0, as: Float.self), $0, to: operands.output(0, as: Float.self))
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { scaleAxis.axes(for: inputs, scaleInput: 1) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        if context.node.inputs.count > 4 { return try clippingGradient(context) }
        let results = try context.builder.add(
            FakeQuantizeGradient(self),
            inputs: [try context.outputGradient(), try context.input(0), try context.input(1), context.node.input(2)],
            outputs: 2)
        guard context.node.inputs.count > 3 else {
            return [results[0], context.needs(1) ? results[1] : nil] + context.node.inputs.dropFirst(2).map { _ in nil }
        }
        return try [results[0]] + offsetGradients(context, results)
    }

    /// With x̂ = s·q + β the offset takes what is clamped, ∂x̂/∂β = 1 there and 0 inside, and so does the scale by its code, q rather than
    /// q − z (Bhalgat et al. 2020, equations 5 and 6).
    private func offsetGradients(_ context: GradientContext, _ results: [ValueName]) throws -> [ValueName?] {
        let b = context.builder
        let clamped = try b.add(Sub(), context.outputGradient(), results[0])
        let sum = try b.add(SumToShape(), clamped, b.add(ShapeOf(), context.input(3)))
        let zero = try b.add(Cast(to: .float32), context.input(2))
        let scale = try b.add(Add(), results[1], b.add(Mul(), sum, zero))
        return [context.needs(1) ? scale : nil, nil, context.needs(3) ? sum : nil]
    }

    /// Straight-through between the ends; what lies beyond an end moves that (PACT; Choi et al. 2018, equation 2).
    private func clippingGradient(_ context: GradientContext) throws -> [ValueName?] {
        let b = context.builder
        let (dy, x) = (try context.outputGradient(), try context.input(0))
        func beyond(_ op: any Operator, _ input: Int) throws -> (part: ValueName, sum: ValueName?) {
            let end = try context.input(input)
            let part = try b.add(Mul(), dy, b.add(Cast(to: .float32), b.add(op, x, end)))
            return (part, context.needs(input) ? try b.add(SumToShape(), part, b.add(ShapeOf(), end)) : nil)
        }
        let (below, above) = (try beyond(Less(), 3), try beyond(GreaterOrEqual(), 4))
        return [try b.add(Sub(), b.add(Sub(), dy, below.part), above.part), nil, nil, below.sum, above.sum]
    }
}

extension OperandPlan {
    /// Throws unless the operand holds float32.
    func requireFloat32(_ nodeName: String) throws {
        guard elementType == .float32 else {
            throw WinnowError(.unsupported, nodeName, "computes float32 only, not \(elementType)")
        }
    }
}
