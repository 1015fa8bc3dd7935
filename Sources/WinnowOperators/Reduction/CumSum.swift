package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Running sums along the axis in input 1.
package struct CumSum: Operator {
    package static let type = OperatorType("CumSum")

    /// Leaves each element itself out.
    package var isExclusive: Bool
    /// Sums from the end.
    package var isReverse: Bool

    package init(isExclusive: Bool = false, isReverse: Bool = false) {
        self.isExclusive = isExclusive
        self.isReverse = isReverse
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            isExclusive: try attributes.flag("exclusive", default: false),
            isReverse: try attributes.flag("reverse", default: false))
    }

    package var attributes: Attributes {
        ["exclusive": .int(isExclusive ? 1 : 0), "reverse": .int(isReverse ? 1 : 0)]
    }

    package var minimumVersion: Int { 11 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(1)
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        guard let axis = try request.input(1).constant?.integers().first else {
            throw WinnowError(.unsupported, request.nodeName, "its axis depends on data")
        }
        let sum = try CumulativeKernel(
            data.elementType, data.shape, axis: try axis.normalizedAxis(rank: data.shape.rank), exclusive: isExclusive,
            reverse: isReverse)
        return Kernel { sum.run(from: $0.input(0), to: $0.output(0)) }
    }

    /// The running sum the other way round.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let op = CumSum(isExclusive: isExclusive, isReverse: !isReverse)
        return [try context.builder.add(op, context.outputGradient(), context.input(1)), nil]
    }
}
