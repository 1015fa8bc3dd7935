package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// One element for each index along `axis`.
package struct GatherElements: Operator {
    package static let type = OperatorType("GatherElements")
    package static let maximumInputCount = 2

    package var axis: Int

    package init(axis: Int = 0) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws { self.init(axis: try attributes.int("axis", default: 0)) }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { 11 }
    package var quantization: QuantizationRule { .keepsScale }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(1).extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let gather = try GatherElementsKernel(
            data.shape, indices: indices.shape, axis: try axis.normalizedAxis(rank: data.shape.rank),
            indexType: indices.elementType, data.elementType)
        return Kernel { try gather.run($0.input(0), indices: $0.input(1), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let (data, places) = AxisMap.addressing(inputs, along: axis) else { return .opaque }
        return AxisMap(inputs: [data, places], outputs: [places])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        let type = context.info(of: try context.input(0))?.elementType ?? .float32
        let zeros = try builder.add(
            ConstantOfShape(Tensor([0], shape: [1], as: type)), builder.add(ShapeOf(), context.input(0)))
        let op = ScatterElements(axis: axis, reduction: .add)
        return [try builder.add(op, zeros, context.input(1), context.outputGradient()), nil]
    }
}
