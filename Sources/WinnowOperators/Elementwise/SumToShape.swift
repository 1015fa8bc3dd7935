package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Sums over the axes along which (values, shape) were broadcast: the derivative of broadcasting.
package struct SumToShape: AttributeFree {
    package static let type = OperatorType("SumToShape", domain: "winnow")

    package init() {}

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(1).elementExtents)]
    }

    /// Where the result has one long axis at most, its memory is the same in all layouts, whatever its rank.
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        guard let rank = inputs.optional(0)?.rank, let target = inputs.optional(1)?.elementExtents else { return .rowMajor }
        return target.count == rank || target.count(where: { $0 != 1 }) <= 1 ? .shared : .rowMajor
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let source = try request.input(0)
        let target = request.outputs[0].shape
        let missing = source.shape.rank - target.rank
        let axes = source.shape.indices.filter { $0 < missing || target[$0 - missing] != source.shape[$0] }
        guard missing >= 0, target.broadcast(with: source.shape) == source.shape else {
            throw WinnowError(.shape, request.nodeName, "\(source.shape) does not sum to \(target)")
        }
        if axes.allSatisfy({ source.shape[$0] == 1 }) { return .view }
        let reduction = try ReductionKernel(.sum, source.elementType, source.shape, axes: axes, layout: source.layout)
        return Kernel { reduction.run(from: $0.input(0), to: $0.output(0)) }
    }
}
