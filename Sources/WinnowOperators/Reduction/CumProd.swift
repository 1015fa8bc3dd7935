package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Running products along the axis in input 1.
package struct CumProd: Operator {
    package static let type = OperatorType("CumProd")

    /// Leaves each element itself out.
    package var isExclusive: Bool
    /// Multiplies from the end.
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

    package var minimumVersion: Int { 26 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(1)
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        guard let axis = try request.input(1).constant?.integers().first else {
            throw WinnowError(.unsupported, request.nodeName, "its axis depends on data")
        }
        let product = try CumulativeKernel(
            data.elementType, data.shape, axis: try axis.normalizedAxis(rank: data.shape.rank), multiplies: true,
            exclusive: isExclusive, reverse: isReverse)
        return Kernel { product.run(from: $0.input(0), to: $0.output(0)) }
    }
}
