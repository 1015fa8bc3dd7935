package import WinnowGraph
import WinnowTensor

/// Its input, unchanged.
package struct Identity: AttributeFree {
    package static let type = OperatorType("Identity")

    package init() {}

    package var quantization: QuantizationRule { .keepsScale }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [try inputs.required(0)] }
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }
    package func kernel(for request: KernelRequest) throws -> Kernel { .view }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        return .elementwise(inputs: inputs, outputRank: rank)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { [try context.outputGradient()] }
}
