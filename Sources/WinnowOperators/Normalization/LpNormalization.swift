package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// x over its 1- or 2-norm along an axis; zeros stay zeros.
package struct LpNormalization: Operator {
    package static let type = OperatorType("LpNormalization")
    package static let maximumInputCount = 1

    package var axis: Int
    package var power: Int

    package init(axis: Int = -1, power: Int = 2) {
        self.axis = axis
        self.power = power
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: -1), power: try attributes.int("p", default: 2))
        guard power == 1 || power == 2 else { throw WinnowError(.model, "p", "is \(power), but must be 1 or 2") }
    }

    package var attributes: Attributes { ["axis": .int(axis), "p": .int(power)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(0).type)] }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { Softmax(axis: axis).axes(for: inputs) }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let norm = try ReductionKernel(power == 1 ? .sumOfMagnitudes : .euclideanNorm, data.elementType, data.shape, axes: [axis])
        let count = norm.shape.elementCount
        try request.checkFloat32()
        let quotient = try BinaryKernel(.divide, data.elementType, data.shape, norm.shape)
        return Kernel(scratchByteCount: data.elementType.byteCount(of: count)) { operands in
            guard let scratch = operands.scratch else { return }
            norm.run(from: operands.input(0), to: scratch)
            let norms = scratch.assumingMemoryBound(to: Float.self)
            for index in 0..<count where norms[index] == 0 { norms[index] = 1 }
            quotient.run(operands.input(0), scratch, to: operands.output(0))
        }
    }

    /// (g − slope · Σ g·y) / norm, the slope of the norm being y or sign(x).
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, y, g) = (try context.input(0), try context.output(0), try context.outputGradient())
        let axes = b.constant("axes", Tensor([Int64(axis)]))
        let norm = try power == 1
            ? b.add(ReduceL1(axes: nil, keepsAxes: true), x, axes) : b.add(ReduceL2(axes: nil, keepsAxes: true), x, axes)
        let share = try b.add(ReduceSum(axes: nil, keepsAxes: true), b.multiply(g, y), axes)
        let slope = power == 1 ? try b.add(Sign(), x) : y
        return [try b.divide(b.subtract(g, b.multiply(slope, share)), norm)]
    }
}
