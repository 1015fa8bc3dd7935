package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The int32 convolution of 8-bit codes less their zero points; the filter and the data's zero point must be constant.
///
/// Inputs: x, w, zero point of x, zero point(s) of w. Pads are real zeros.
package struct ConvInteger: Operator {
    package static let type = OperatorType("ConvInteger")

    package var convolution: Conv

    package init(_ convolution: Conv = Conv()) { self.convolution = convolution }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Conv(attributes: attributes, version: version))
    }

    package var attributes: Attributes { convolution.attributes }
    package var minimumVersion: Int { 10 }
    package var quantization: QuantizationRule { .contraction }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.int32, try convolution.outputs(for: Array(inputs.prefix(2)))[0].extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (source, filter) = (try request.input(0), try request.input(1))
        let (zeroPoint, varying) = request.dataZeroPoint(2)
        guard let codes = filter.constant, varying == nil else {
            throw WinnowError(.unsupported, request.nodeName, "its filter or the zero point of its data is not constant")
        }
        let kernel = try codes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { throw WinnowError(.shape, request.nodeName, "its filter is empty") }
            return try IntegerConvolutionKernel(
                convolution.geometry(source: source.shape, filter: filter.shape),
                source: AffineEncoding(source.elementType, scale: 1, zeroPoint: zeroPoint), sourceLayout: source.layout,
                filter: IntegerFilter(base, codes.elementType, scales: [1], zeroPoints: request.filterZeroPoints(3)),
                target: .accumulators, targetLayout: request.outputs[0].layout)
        }
        return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
            try kernel.run(source: operands.input(0), target: operands.output(0), scratch: operands.scratch)
        }
    }
}
