package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// condition ? a : b, all three broadcast.
package struct Where: AttributeFree {
    package static let type = OperatorType("Where")
    package static let maximumInputCount = 3

    package init() {}

    package var minimumVersion: Int { 9 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (a, b) = (try inputs.required(1), try inputs.required(2))
        guard try inputs.required(0).elementType == .bool, a.elementType == b.elementType else {
            throw WinnowError(.model, "inputs", "must be a bool condition and two values of one type")
        }
        var info = ValueInfo(a.elementType, try inputs.broadcastExtents())
        if let condition = inputs.optional(0)?.constant, let elements = ValueInfo.combined(a, b, { [$0, $1] }) {
            let chosen = condition.doubles()
            guard condition.rank <= 1, [1, elements.count].contains(chosen.count) else { return [info] }
            info.hold(elements.indices.map { elements[$0][chosen[chosen.count == 1 ? 0 : $0] != 0 ? 0 : 1] })
        }
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { inputs.elementwiseLayouts }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (condition, a, b) = (try request.input(0), try request.input(1), try request.input(2))
        let select = try SelectKernel(
            condition: condition.shape, a.shape, b.shape, a.elementType, layout: request.outputs[0].layout)
        let candidates = [1, 2].filter { [condition, a, b][$0].shape == request.outputs[0].shape }
        return Kernel(placement: candidates.isEmpty ? .separate : .mayOverwrite(candidates)) { operands in
            select.run(condition: operands.input(0), operands.input(1), operands.input(2), to: operands.output(0))
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .broadcasting(inputs) }
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 1) && zeros.are(at: 2) ? .zero : .number }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (condition, g) = (try context.input(0), try context.outputGradient())
        let zero = b.scalar(0, like: g)
        return [
            nil, try context.summed(to: 1, b.add(Where(), condition, g, zero)),
            try context.summed(to: 2, b.add(Where(), condition, zero, g)),
        ]
    }
}
