package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of Gather: zeros of the shape in input 2 to which the slices of input 0 are added where input 1 says.
package struct GatherGradient: Operator {
    package static let type = OperatorType("GatherGradient", domain: "winnow")

    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: 0))
    }

    package var attributes: Attributes { ["axis": .int(axis)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(2).elementExtents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let output = request.outputs[0]
        let indices = try request.input(1)
        let scatter = try GatherGradientKernel(
            output.shape, axis: try axis.normalizedAxis(rank: output.shape.rank),
            indexCount: indices.shape.elementCount, indexType: indices.elementType, output.elementType)
        return Kernel { try scatter.run(gradient: $0.input(0), indices: $0.input(1), to: $0.output(0)) }
    }
}
