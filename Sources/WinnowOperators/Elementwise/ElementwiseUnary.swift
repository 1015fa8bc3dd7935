package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// An operator that applies a function to every element.
package protocol ElementwiseUnary: Operator {
    var function: UnaryFunction { get }
}

extension ElementwiseUnary {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        let info = ValueInfo(function.resultType(of: data.elementType), data.extents)
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let loop = try UnaryKernel(function, data.elementType)
        return Kernel(elements: data.shape.elementCount, forBlocks: Parallel.forBlocks) { operands, range in
            loop.run(from: operands.input(0), to: operands.output(0), range)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .elementByElement(inputs) }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        guard zeros.are(at: 0), let type = zeros.inputs.optional(0)?.elementType else { return .number }
        return effect(on: [0], type)
    }
}
