package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The int32 product of 8-bit matrices less their zero points; fastest where the right one is constant.
///
/// Inputs: A, B, zero point of A, zero point(s) of B.
package struct MatMulInteger: Operator {
    package static let type = OperatorType("MatMulInteger")
    package static let maximumInputCount = 4

    package var inputRoles: [Int: OperandRole] { [2: .zeroPoint(of: 0, axis: -2), 3: .zeroPoint(of: 1, axis: -1)] }

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
        guard rest.allSatisfy(\.isEmpty) else { return .opaque }
        // Codes of 0 are no zeros where there are zero points.
        return AxisMap(inputs: map.inputs + rest, outputs: map.outputs, pinned: ["k"])
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.constant(node.input(1))?.rank == 2
            ? try graph.dequantizedForm(of: node, by: MatrixProduct(), filterAxis: 1) : nil
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (left, right) = (try request.input(0), try request.input(1))
        guard let codes = right.constant, right.shape.rank >= 2, right.shape.dropLast(2).allSatisfy({ $0 == 1 }),
            request.optionalInput(3).map({ $0.constant != nil }) ?? true,
            request.optionalInput(2).map({ $0.shape.elementCount == 1 }) ?? true
        else { return try varyingKernel(request) }
        let columns = right.shape[right.shape.rank - 1]
        let depth = right.shape[right.shape.rank - 2]
        let filterZeros = try request.filterZeroPoints(3, channels: columns)
        let (constantZero, zeroPoint) = request.dataZeroPoint(2)
        let geometry = MatMulGeometry(
            left: left.shape.rank == 1 ? [1] + left.shape : left.shape, right: [depth, columns])
        let product = try codes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { throw WinnowError(.shape, request.nodeName, "is empty") }
            return try IntegerMatMulKernel(
                geometry,
                IntegerContraction(
                    source: .constant(AffineEncoding(left.elementType, scale: 1, zeroPoint: constantZero)),
                    filter: IntegerFilter(base, codes.elementType, scales: [1], zeroPoints: filterZeros), target: .accumulators))
        }
        let values = codes.integers()
        let sums = (0..<columns).map { column in
            (0..<depth).reduce(Int32(0)) {
                $0 &+ Int32(values[$1 * columns + column]) &- filterZeros[filterZeros.count == 1 ? 0 : column]
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

extension MatMulInteger {
    /// Both matrices and all zero points may change from run to run.
    private func varyingKernel(_ request: KernelRequest) throws -> Kernel {
        let (left, right) = (try request.input(0), try request.input(1))
        let product = try IntegerProductKernel(
            left.shape.rank == 1 ? [1] + left.shape : left.shape, left.elementType,
            right.shape.rank == 1 ? right.shape + [1] : right.shape, right.elementType)
        let counts = [2, 3].map { request.optionalInput($0)?.shape.elementCount ?? 0 }
        for (count, extent) in zip(counts, [left.shape.dropLast().last ?? 1, right.shape.last ?? 1]) where count > 1 {
            guard count == extent else { throw WinnowError(.shape, request.nodeName, "has \(count) zero points for \(extent) indices") }
        }
        let areSigned = [2, 3].map { request.optionalInput($0)?.elementType == .int8 }
        return Kernel { operands in
            func zero(_ input: Int) -> (Int) -> Int32 {
                guard let codes = operands.optionalInput(input) else { return { _ in 0 } }
                let (isSigned, isOne) = (areSigned[input - 2], counts[input - 2] == 1)
                return { index in
                    let place = isOne ? 0 : index
                    return isSigned
                        ? Int32(codes.load(fromByteOffset: place, as: Int8.self))
                        : Int32(codes.load(fromByteOffset: place, as: UInt8.self))
                }
            }
            product.run(
                operands.input(0), leftZero: zero(2), operands.input(1), rightZero: zero(3),
                to: operands.output(0, as: Int32.self))
        }
    }
}

extension KernelRequest {
    /// The constant zero points of a filter: one, or one for each channel.
    func filterZeroPoints(_ index: Int, channels: Int) throws -> [Int32] {
        guard let plan = optionalInput(index) else { return [0] }
        guard let tensor = plan.constant else {
            throw WinnowError(.unsupported, nodeName, "the zero points of its filter are not constant")
        }
        guard tensor.elementCount == 1 || tensor.elementCount == channels else {
            throw WinnowError(.shape, nodeName, "has \(tensor.elementCount) zero points for \(channels) channels")
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
