package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// An operator that combines two broadcast operands element by element.
package protocol ElementwiseBinary: Operator {
    var function: BinaryFunction { get }
    /// Whether the result is 0 where these of its operands are 0, whatever the other.
    func vanishes(at indices: Set<Int>) -> Bool
}

extension ElementwiseBinary {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (a, b) = (try inputs.required(0), try inputs.required(1))
        guard a.elementType == b.elementType else {
            throw WinnowError(.model, "inputs", "are \(a.elementType) and \(b.elementType), but must have one type")
        }
        var info = ValueInfo(function.resultType(of: a.elementType), try inputs.broadcastExtents())
        if let elements = function.applied(to: a, b) { info.hold(elements) }
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

    package func effect(of zeros: Zeros) -> ZeroEffect {
        guard let type = zeros.inputs.optional(0)?.elementType, !zeros.indices.isEmpty else { return .number }
        let effect = effect(on: [0, 1].map { zeros.are(at: $0) ? 0 : 1 }, type)
        return effect == .zero && !zeros.areEverywhere && !vanishes(at: zeros.indices) ? .number : effect
    }

    package func vanishes(at indices: Set<Int>) -> Bool { false }
}

extension AxisMap {
    /// Elementwise work on operands that broadcast.
    static func broadcasting(_ inputs: [ValueInfo?]) -> AxisMap {
        let ranks = inputs.compactMap { $0 }.map(\.rank)
        return .elementwise(inputs: inputs, outputRank: ranks.contains(nil) ? nil : ranks.compactMap { $0 }.max())
    }
}
