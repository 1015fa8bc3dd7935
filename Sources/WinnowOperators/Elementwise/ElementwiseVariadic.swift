package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// An operator that combines any number of broadcast operands element by element.
package protocol ElementwiseVariadic: AttributeFree {
    var function: VariadicKernel.Function { get }
}

extension ElementwiseVariadic {
    package var minimumVersion: Int { 8 }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { node.inputs.count == 1 ? .unchanged : nil }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let first = try inputs.required(0)
        guard inputs.allSatisfy({ $0?.elementType == first.elementType }) else {
            throw WinnowError(.model, "inputs", "must all be given and have one type")
        }
        return try evaluatingConstants([ValueInfo(first.elementType, try inputs.broadcastExtents())], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        guard let extents = inputs.optional(0)?.extents, !extents.contains(.unknown) else { return .rowMajor }
        return inputs.allSatisfy { $0?.extents == extents } ? .shared : .rowMajor
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let operands = try request.inputs.indices.map { try request.input($0) }
        let isShared = operands.allSatisfy { $0.shape == request.outputs[0].shape && $0.layout == request.outputs[0].layout }
        guard isShared || request.outputs[0].layout == .rowMajor else {
            throw WinnowError(.unsupported, request.nodeName, "cannot broadcast channels-last operands")
        }
        let kernel = try VariadicKernel(function, request.outputs[0].elementType, operands.map(\.shape))
        return Kernel { operands in kernel.run({ operands.input($0) }, to: operands.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .broadcasting(inputs) }
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.areEverywhere ? .zero : .number }
}
