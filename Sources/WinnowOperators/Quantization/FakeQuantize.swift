package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A QuantizeLinear–DequantizeLinear pair in training: x rounded to what its code can say, in float32.
///
/// Inputs: x, scale, zero point (optional), then what it follows from where that is trained: an offset, or the ends of the range; last
/// the bits of a code as a float32 number (optional), where they are more than those of `range` at first.
package struct FakeQuantize: Operator {
    package static let type = OperatorType("FakeQuantize", domain: "winnow")

    package var inputRoles: [Int: OperandRole] {
        [1: .scale, 2: .zeroPoint(of: 0, axis: scaleAxis.axis ?? 1), 3: .setting, 4: .setting, 5: .setting]
    }

    /// The smallest and largest code.
    package var range: ClosedRange<Int>
    package var scaleAxis: ScaleAxis

    /// The smallest and largest of codes of so many bits, with and without a sign as `range` has it.
    package func range(bits: Int) -> ClosedRange<Int> {
        range.lowerBound < 0 ? -(1 << (bits - 1))...(1 << (bits - 1)) - 1 : 0...(1 << bits) - 1
    }

    /// By bits of a code, where an input tells them, or the one there is.
    func kernels(_ geometry: ScaleLayout, ofBits: Bool) -> [FakeQuantizeKernel] {
        ofBits ? (1...16).map { FakeQuantizeKernel(range(bits: $0), geometry) } : [FakeQuantizeKernel(range, geometry)]
    }

    /// The place of the one for so many bits.
    static func place(ofBits bits: Float) -> Int { min(max(Int(saturating: Double(bits)), 1), 16) - 1 }

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
        let hasBits = try request.hasNumber(5)
        let kernels = kernels(try scaleAxis.geometry(data, scale: request.input(1).shape), ofBits: hasBits)
        return Kernel(placement: .mayOverwrite([0]), scratchByteCount: parameters.scratchByteCount) { operands in
            let fake = kernels[hasBits ? Self.place(ofBits: operands.input(5, as: Float.self)[0]) : 0]
            parameters.withPointers(operands) {
                fake.run(operands.input(0, as: Float.self), $0, to: operands.output(0, as: Float.self))
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { scaleAxis.axes(for: inputs, scaleInput: 1) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        if context.node.input(4) != nil { return try clippingGradient(context) }
        let results = try context.builder.add(
            FakeQuantizeGradient(self),
            inputs: [try context.outputGradient(), try context.input(0), try context.input(1), context.node.input(2)]
                + (context.node.input(5).map { [$0] } ?? []),
            outputs: 2)
        guard context.node.input(3) != nil else {
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
