package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Running sums or products along the axis in input 1.
package protocol CumulativeOperator: Operator {
    static var multiplies: Bool { get }
    /// Leaves each element itself out.
    var isExclusive: Bool { get set }
    /// Goes from the end.
    var isReverse: Bool { get set }
    init(isExclusive: Bool, isReverse: Bool)
}

extension CumulativeOperator {
    package init(attributes: Attributes, version: Int) throws {
        self.init(
            isExclusive: try attributes.flag("exclusive", default: false),
            isReverse: try attributes.flag("reverse", default: false))
    }

    package var attributes: Attributes {
        ["exclusive": .int(isExclusive ? 1 : 0), "reverse": .int(isReverse ? 1 : 0)]
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(1)
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, let axis = try? inputs.integers(1)?.first?.normalizedAxis(rank: rank) else { return .opaque }
        return .passing(inputs, except: [axis])
    }

    /// A product of nothing is 1.
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) && !(Self.multiplies && isExclusive) ? .zero : .number }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        try request.input(0).elementType.bitWidth == 16 ? request.inFloat32(wideKernel) : wideKernel(request)
    }

    private func wideKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        guard let axis = try request.input(1).constant?.integers().first else {
            throw WinnowError(.unsupported, request.nodeName, "its axis depends on data")
        }
        let running = try CumulativeKernel(
            data.elementType, data.shape, axis: try axis.normalizedAxis(rank: data.shape.rank), multiplies: Self.multiplies,
            exclusive: isExclusive, reverse: isReverse)
        return Kernel { running.run(from: $0.input(0), to: $0.output(0)) }
    }
}
