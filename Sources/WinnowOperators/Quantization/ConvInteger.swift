package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The int32 convolution of 8-bit codes less their zero points; through float32 where filter or zero points change.
///
/// Inputs: x, w, zero point of x, zero point(s) of w. Pads are real zeros.
package struct ConvInteger: Operator {
    package static let type = OperatorType("ConvInteger")
    package static let maximumInputCount = 4

    package var inputRoles: [Int: OperandRole] { [2: .zeroPoint(of: 0, axis: 1), 3: .zeroPoint(of: 1, axis: 0)] }

    package var convolution: Conv

    package init(_ convolution: Conv = Conv()) { self.convolution = convolution }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Conv(attributes: attributes, version: version))
    }

    package var attributes: Attributes { convolution.attributes }
    package var minimumVersion: Int { 10 }
    package var quantization: QuantizationRule { .contraction }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        inputs.dropFirst().allSatisfy { $0 == nil || $0?.constant != nil } ? .channelsLast(inputs: [0], outputs: [0]) : .rowMajor
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.int32, try convolution.outputs(for: Array(inputs.prefix(2)))[0].extents)]
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try graph.dequantizedForm(of: node, by: convolution, filterAxis: 0)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (source, filter) = (try request.input(0), try request.input(1))
        let (zeroPoint, varying) = request.dataZeroPoint(2)
        guard let codes = filter.constant, varying == nil, request.optionalInput(3).map({ $0.constant != nil }) ?? true else {
            return try VaryingConvInteger(convolution: convolution).kernel(for: request.withRealFilter())
        }
        let kernel = try codes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { throw WinnowError(.shape, request.nodeName, "its filter is empty") }
            return try IntegerConvolutionKernel(
                convolution.geometry(source: source.shape, filter: filter.shape), request.dataLayouts(),
                IntegerContraction(
                    source: .constant(AffineEncoding(source.elementType, scale: 1, zeroPoint: zeroPoint)),
                    filter: IntegerFilter(
                        base, codes.elementType, scales: [1], zeroPoints: request.filterZeroPoints(3, channels: filter.shape[0])),
                    target: .accumulators))
        }
        return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
            try kernel.run(source: operands.input(0), target: operands.output(0), scratch: operands.scratch)
        }
    }
}

/// The same through float32, exact while sums stay below 2²⁴.
private struct VaryingConvInteger: Decomposition {
    static let type = OperatorType("VaryingConvInteger", domain: "winnow")

    var convolution: Conv

    init(convolution: Conv) { self.convolution = convolution }
    init(attributes: Attributes, version: Int) throws { self.init(convolution: try Conv(attributes: attributes, version: version)) }

    func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        func real(_ index: Int, _ zeroPoint: Int) throws -> ValueName {
            let value = try inputs.required(index)
            if b.elementType(of: value) == .float32 { return value }
            let codes = try b.add(Cast(to: .float32), value)
            guard let zero = inputs.present(zeroPoint) else { return codes }
            let column = [-1] + [Int](repeating: 1, count: try b.rank(of: value) - 1)
            return try b.subtract(codes, b.reshaped(b.add(Cast(to: .float32), zero), column))
        }
        return [try b.add(Cast(to: .int32), b.add(convolution, real(0, 2), real(1, 3)))]
    }
}

extension KernelRequest {
    /// The request with a constant filter as numbers less their zero points, so that it is packed once.
    fileprivate func withRealFilter() throws -> KernelRequest {
        guard let codes = try input(1).constant, optionalInput(3).map({ $0.constant != nil }) ?? true else { return self }
        let zeros = try filterZeroPoints(3, channels: codes.shape[0])
        let inner = codes.elementCount / max(codes.shape[0], 1)
        let values = codes.floats().enumerated().map { $1 - Float(zeros[zeros.count == 1 ? 0 : $0 / inner]) }
        var request = self
        request.inputs[1] = OperandPlan(
            shape: codes.shape, elementType: .float32, constant: Tensor(values, shape: codes.shape))
        if request.inputs.count > 3 { request.inputs[3] = nil }
        return request
    }
}
