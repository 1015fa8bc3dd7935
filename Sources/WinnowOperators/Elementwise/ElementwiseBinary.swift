package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// An operator that combines two broadcast operands element by element.
package protocol ElementwiseBinary: Operator {
    var function: BinaryFunction { get }
}

extension ElementwiseBinary {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (a, b) = (try inputs.required(0), try inputs.required(1))
        guard a.elementType == b.elementType else {
            throw WinnowError(.model, "inputs", "are \(a.elementType) and \(b.elementType), but must have one type")
        }
        let info = ValueInfo(function.resultType(of: a.elementType), try inputs.broadcastExtents())
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { inputs.elementwiseLayouts }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (a, b) = (try request.input(0), try request.input(1))
        let loop = try BinaryKernel(function, a.elementType, a.shape, b.shape, layout: request.outputs[0].layout)
        let candidates = a.elementType.bitWidth == request.outputs[0].elementType.bitWidth
            ? [0, 1].filter { [a, b][$0].shape == request.outputs[0].shape } : []
        let placement: Kernel.Placement = candidates.isEmpty ? .separate : .mayOverwrite(candidates)
        if let count = loop.flatCount {
            return Kernel(elements: count, placement: placement, forBlocks: Parallel.forBlocks) { operands, range in
                loop.run(operands.input(0), operands.input(1), to: operands.output(0), range)
            }
        }
        return Kernel(placement: placement) { operands in
            loop.run(operands.input(0), operands.input(1), to: operands.output(0))
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .broadcasting(inputs) }
}

extension AxisMap {
    /// Elementwise work on operands that broadcast.
    static func broadcasting(_ inputs: [ValueInfo?]) -> AxisMap {
        let ranks = inputs.compactMap { $0 }.map(\.rank)
        guard let rank = ranks.map({ $0 ?? 0 }).max(), !ranks.contains(nil) else { return .opaque }
        return .elementwise(inputs: inputs, outputRank: rank)
    }
}
