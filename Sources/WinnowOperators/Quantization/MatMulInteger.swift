package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The int32 product of 8-bit matrices less their zero points; the right one must be constant.
///
/// Inputs: A, B, zero point of A, zero point(s) of B.
package struct MatMulInteger: Operator {
    package static let type = OperatorType("MatMulInteger")

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package var minimumVersion: Int { 10 }
    package var quantization: QuantizationRule { .contraction }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let operands = try (0..<2).map { ValueInfo(.float32, try inputs.required($0).extents) }
        return [ValueInfo(.int32, try MatrixProduct().outputs(for: operands)[0].extents)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let map = MatrixProduct().axes(for: Array(inputs.prefix(2)))
        guard !map.isOpaque else { return .opaque }
        let rest = inputs.dropFirst(2).map { info -> [AxisTerm] in (info?.extents ?? []).map { _ in .opaque } }
        return rest.allSatisfy(\.isEmpty) ? AxisMap(inputs: map.inputs + rest, outputs: map.outputs) : .opaque
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (left, right) = (try request.input(0), try request.input(1))
        guard let codes = right.constant, right.shape.rank >= 2, right.shape.dropLast(2).allSatisfy({ $0 == 1 }) else {
            throw WinnowError(.unsupported, request.nodeName, "its right matrix is not one constant matrix")
        }
        let columns = right.shape[right.shape.rank - 1]
        let depth = right.shape[right.shape.rank - 2]
        let filterZeros = try request.filterZeroPoints(3)
        let (constantZero, zeroPoint) = request.dataZeroPoint(2)
        let geometry = MatMulGeometry(
            left: left.shape.rank == 1 ? [1] + left.shape : left.shape, right: [depth, columns])
        let product = try codes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { throw WinnowError(.shape, request.nodeName, "is empty") }
            return try IntegerMatMulKernel(
                geometry, source: AffineEncoding(left.elementType, scale: 1, zeroPoint: constantZero),
                right: IntegerFilter(base, codes.elementType, scales: [1], zeroPoints: filterZeros), target: .accumulators)
        }
        let values = codes.integers()
        let sums = (0..<columns).map { column in
            (0..<depth).reduce(Int32(0)) {
                $0 + Int32(values[$1 * columns + column]) - filterZeros[filterZeros.count == 1 ? 0 : column]
            }
        }
        let output = request.outputs[0].shape
        let correction = try ZeroPointCorrection(
            filterSums: sums, target: output.rank == 0 ? [1] : output, channelAxis: max(output.rank - 1, 0),
            zeroPoint: zeroPoint, nodeName: request.nodeName)
        return Kernel(scratchByteCount: product.scratchByteCount) { operands in
            try product.run(left: operands.input(0), target: operands.output(0), scratch: operands.scratch)
            correction.apply(operands.output(0, as: Int32.self), zeroPoint: operands.optionalInput(2))
        }
    }
}

extension KernelRequest {
    /// The constant zero points of a filter: one, or one for each channel.
    func filterZeroPoints(_ index: Int) throws -> [Int32] {
        guard let plan = optionalInput(index) else { return [0] }
        guard let tensor = plan.constant else {
            throw WinnowError(.unsupported, nodeName, "the zero points of its filter are not constant")
        }
        return tensor.integers().map { Int32(clamping: $0) }
    }

    /// The zero point of the data: its value if it is one constant number, else 0 and the operand to read at each run.
    func dataZeroPoint(_ index: Int) -> (Int32, OperandPlan?) {
        guard let plan = optionalInput(index) else { return (0, nil) }
        if let tensor = plan.constant, tensor.elementCount == 1 { return (Int32(clamping: tensor.integers()[0]), nil) }
        return (0, plan)
    }
}
