package import WinnowGraph
package import WinnowKernels

/// The maximum over all spatial axes.
package struct GlobalMaxPool: GlobalPooling {
    package static let type = OperatorType("GlobalMaxPool")
    package static let maximumInputCount = 1

    package init() {}

    package var quantization: QuantizationRule { .keepsScale }
    package var kind: PoolingKind { .maximum }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.builder.add(MaxPoolGradient(pooling: nil), context.input(0), context.outputGradient())]
    }
}
