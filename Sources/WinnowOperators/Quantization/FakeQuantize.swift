package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A QuantizeLinear–DequantizeLinear pair in training: x rounded to what its code can say, in float32.
///
/// Inputs: x, scale, zero point (optional, constant).
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
        let results = try context.builder.add(
            FakeQuantizeGradient(self),
            inputs: [try context.outputGradient(), try context.input(0), try context.input(1), context.node.input(2)],
            outputs: 2)
        return [results[0], context.needs(1) ? results[1] : nil] + context.node.inputs.dropFirst(2).map { _ in nil }
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
