package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// −x of each label's class; log-probabilities x (N, C, d…), labels (N, d…), optional class weights (C).
package struct NegativeLogLikelihoodLoss: Operator {
    package static let type = OperatorType("NegativeLogLikelihoodLoss")
    package static let maximumInputCount = 3

    package var parameters: CrossEntropyParameters

    package init(_ parameters: CrossEntropyParameters = CrossEntropyParameters()) { self.parameters = parameters }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try CrossEntropyParameters(attributes: attributes))
    }

    package var attributes: Attributes { parameters.attributes }
    package var minimumVersion: Int { 12 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [try parameters.lossInfo(inputs)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let loss = try parameters.kernel(request, scores: 0, normalizes: false)
        return Kernel(scratchByteCount: loss.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            try loss.run(
                operands.input(0, as: Float.self), labels: operands.input(1),
                weights: operands.optionalInput(2)?.assumingMemoryBound(to: Float.self),
                loss: operands.output(0, as: Float.self),
                logarithms: nil, scratch: scratch)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { parameters.axes(for: inputs) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let dx = try context.builder.add(
            CrossEntropyGradient(parameters, normalizes: false),
            inputs: [try context.outputGradient()] + context.node.inputs.map { $0.isEmpty ? nil : $0 })[0]
        return [dx] + context.node.inputs.dropFirst().map { _ in nil }
    }
}
