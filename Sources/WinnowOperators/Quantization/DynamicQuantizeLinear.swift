package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// uint8 codes with scale and zero point from the data's own range: outputs codes, scale, zero point.
package struct DynamicQuantizeLinear: Operator {
    package static let type = OperatorType("DynamicQuantizeLinear")
    package static let maximumInputCount = 1
    package static let maximumOutputCount = 3
    package var float32Inputs: Set<Int> { [0] }

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package var minimumVersion: Int { 11 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.uint8, try inputs.required(0).extents), ValueInfo(.float32, []), ValueInfo(.uint8, [])]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        try data.requireFloat32(request.nodeName)
        let count = data.shape.elementCount
        let quantize = try QuantizeKernel(to: .uint8, ScaleLayout(perTensor: data.shape))
        return Kernel { operands in
            let x = operands.input(0, as: Float.self)
            let encoding = DynamicRange.encoding(of: x, count: count)
            withUnsafePointer(to: encoding.scale) { scale in
                withUnsafePointer(to: encoding.zeroPoint) { zeroPoint in
                    quantize.run(x, AffineEncodings(scales: scale, zeroPoints: zeroPoint), to: operands.output(0))
                }
            }
            operands.optionalOutput(1)?.storeBytes(of: encoding.scale, as: Float.self)
            operands.optionalOutput(2)?.storeBytes(of: UInt8(saturating: Double(encoding.zeroPoint)), as: UInt8.self)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        let map = AxisMap.elementwise(inputs: Array(inputs.prefix(1)), outputRank: rank)
        // The range always has 0 in it; other numbers change the scale of all.
        var result = AxisMap(inputs: map.inputs, outputs: map.outputs + [[], []])
        result.summed = map.inputLabels
        return result
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }
}
