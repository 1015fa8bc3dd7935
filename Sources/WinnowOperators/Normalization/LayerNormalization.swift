package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// scale · (x − mean) / √(variance + epsilon) + shift over all axes from `axis` on; inputs (x, scale, shift).
package struct LayerNormalization: Operator {
    package static let type = OperatorType("LayerNormalization")
    package static let maximumInputCount = 3
    package static let maximumOutputCount = 3
    package static var typeAttributes: Set<String> { ["stash_type"] }

    package var axis: Int
    package var epsilon: Float
    private var hints = RuntimeHints()

    package init(axis: Int = -1, epsilon: Float = 1e-5) {
        self.axis = axis
        self.epsilon = epsilon
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: -1), epsilon: try attributes.float("epsilon", default: 1e-5))
        hints = try RuntimeHints(attributes, "stash_type")
    }

    package var attributes: Attributes { hints.added(to: ["axis": .int(axis), "epsilon": .float(epsilon)]) }
    package var minimumVersion: Int { 17 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        _ = try inputs.required(1)
        guard let extents = data.extents else { return [ValueInfo](repeating: ValueInfo(data.type), count: 3) }
        let axis = try axis.normalizedAxis(rank: extents.count)
        let statistic = ValueInfo(.float32, extents.indices.map { $0 < axis ? extents[$0] : 1 })
        return [ValueInfo(data.type), statistic, statistic]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let shape = try request.input(0).shape
        let axis = try axis.normalizedAxis(rank: shape.rank)
        let (rows, width) = (Shape(Array(shape[..<axis])).elementCount, Shape(Array(shape[axis...])).elementCount)
        guard try request.input(1).shape.elementCount == width, request.optionalInput(2).map({ $0.shape.elementCount == width }) ?? true
        else {
            throw WinnowError(.shape, request.nodeName, "scale and shift must have the \(width) elements of the normalized axes")
        }
        let epsilon = epsilon
        let writesStatistics = request.outputs.count > 1
        let normalization = try LayerNormalizationKernel(
            rows: rows, width: width, epsilon: epsilon, hasShift: request.optionalInput(2) != nil,
            writesStatistics: writesStatistics)
        var layout = ScratchLayout()
        _ = layout.reserve(normalization.scratchByteCount)
        // Statistics go to scratch where their output is left out; the third output is 1 / √(variance + epsilon).
        let unread = (0..<2).map { _ in layout.reserve(writesStatistics ? rows : 0, of: .float32) }
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            let mean = operands.optionalOutput(1) ?? operands.scratch.map { $0 + unread[0] }
            let deviation = operands.optionalOutput(2) ?? operands.scratch.map { $0 + unread[1] }
            try normalization.run(
                source: operands.input(0), scale: operands.input(1), shift: operands.optionalInput(2),
                target: operands.output(0), statistics: NormalizationStatistics(mean: mean, variance: deviation),
                scratch: operands.scratch)
            guard writesStatistics, let values = deviation?.assumingMemoryBound(to: Float.self) else { return }
            for row in 0..<rows { values[row] = 1 / (values[row] + epsilon).squareRoot() }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .normalization(from: axis, inputs, statistics: 2) }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 1) && zeros.areOrAbsent(at: 2) ? .zero : .number }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (x, scale) = (try context.input(0), try context.input(1))
        let inputCount = context.node.inputs.count
        return try context.builder.add(
            LayerNormalizationGradient(axis: axis, epsilon: epsilon), inputs: [x, context.outputGradient(), scale],
            outputs: inputCount)
    }
}
