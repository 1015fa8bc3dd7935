package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Each 8-bit code replaced by the entry at its bits in input 1, a table of 256: any function of one quantized element.
package struct CodeTable: Operator {
    package static let type = OperatorType("CodeTable", domain: "winnow")

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(1).elementType, try inputs.required(0).extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let count = try request.input(0).shape.elementCount
        guard try request.input(0).elementType.bitWidth == 8, try request.input(1).shape == [256] else {
            throw WinnowError(.shape, request.nodeName, "needs 8-bit codes and a table of 256")
        }
        return Kernel(placement: .mayOverwrite([0])) { operands in
            CodeTableKernel.run(operands.input(0), table: operands.input(1), to: operands.output(0), count: count)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        return .elementwise(inputs: [inputs.optional(0), nil], outputRank: rank).replacingInput(1, with: [.opaque])
    }
}
