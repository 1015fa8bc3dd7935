package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Slices addressed by the tuples along the last axis of the indices; batch axes are not supported.
package struct GatherND: Operator {
    package static let type = OperatorType("GatherND")

    package init() {}

    package init(attributes: Attributes, version: Int) throws {
        guard try attributes.int("batch_dims", default: 0) == 0 else {
            throw WinnowError(.unsupported, "batch_dims", "batch axes of GatherND are not supported")
        }
    }

    package var minimumVersion: Int { 11 }
    package var quantization: QuantizationRule { .keepsScale }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents, let places = try inputs.required(1).extents, let length = places.last?.value,
            length <= extents.count
        else { return [ValueInfo(data.elementType, nil)] }
        return [ValueInfo(data.elementType, places.dropLast() + extents[length...])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let tuples = try TupleIndexKernel(
            data.shape, indices: indices.shape, indexType: indices.elementType, data.elementType)
        return Kernel { try tuples.gather($0.input(0), indices: $0.input(1), to: $0.output(0)) }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        let type = context.info(of: try context.input(0))?.elementType ?? .float32
        let zeros = try builder.add(
            ConstantOfShape(Tensor([0], shape: [1], as: type)), builder.add(ShapeOf(), context.input(0)))
        return [try builder.add(ScatterND(reduction: .add), zeros, context.input(1), context.outputGradient()), nil]
    }
}
