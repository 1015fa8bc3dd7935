package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// −log softmax(scores) of each label's class; scores (N, C, d…), labels (N, d…), optional class weights (C).
package struct SoftmaxCrossEntropyLoss: Operator {
    package static let type = OperatorType("SoftmaxCrossEntropyLoss")
    package static let maximumInputCount = 3
    package static let maximumOutputCount = 2

    package var parameters: CrossEntropyParameters

    package init(_ parameters: CrossEntropyParameters = CrossEntropyParameters()) { self.parameters = parameters }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try CrossEntropyParameters(attributes: attributes))
    }

    package var attributes: Attributes { parameters.attributes }
    package var minimumVersion: Int { 12 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [try parameters.lossInfo(inputs), ValueInfo(try inputs.required(0).type)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let loss = try parameters.kernel(request, scores: 0, normalizes: true)
        return Kernel(scratchByteCount: loss.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            try loss.run(
                operands.input(0, as: Float.self), labels: operands.input(1),
                weights: operands.optionalInput(2)?.assumingMemoryBound(to: Float.self),
                loss: operands.output(0, as: Float.self),
                logarithms: operands.optionalOutput(1)?.assumingMemoryBound(to: Float.self), scratch: scratch)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let dx = try context.builder.add(
            CrossEntropyGradient(parameters, normalizes: true),
            inputs: [try context.outputGradient()] + context.node.inputs.map { $0.isEmpty ? nil : $0 })[0]
        return [dx] + context.node.inputs.dropFirst().map { _ in nil }
    }
}
