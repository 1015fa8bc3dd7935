package import WinnowGraph
package import WinnowKernels

/// The mean over all spatial axes.
package struct GlobalAveragePool: GlobalPooling {
    package static let type = OperatorType("GlobalAveragePool")
    package static let maximumInputCount = 1

    package init() {}

    package var quantization: QuantizationRule { .sharesScale }
    package var passesFactors: Bool { true }
    package var passesShifts: Bool { true }
    package var kind: PoolingKind { .average(countsPads: false) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.shape(of: context.input(0))
        return [try context.builder.add(AveragePoolGradient(pooling: nil), context.outputGradient(), shape)]
    }
}

extension GraphBuilder {
    package func globalAveragePool(_ x: ValueName, name: String? = nil) throws -> ValueName {
        try add(GlobalAveragePool(), inputs: [x], name: name)[0]
    }
}
