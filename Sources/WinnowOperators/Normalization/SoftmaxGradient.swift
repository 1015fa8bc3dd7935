import Foundation
package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of x from (gradient g, y): y · (g − Σ g·y), or for the logarithm g − e^y · Σ g.
package struct SoftmaxGradient: Operator {
    package static let type = OperatorType("SoftmaxGradient", domain: "winnow")

    package var axis: Int
    package var flattens: Bool
    package var isLogarithm: Bool

    package init(axis: Int = -1, flattens: Bool = false, isLogarithm: Bool = false) {
        self.axis = axis
        self.flattens = flattens
        self.isLogarithm = isLogarithm
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            axis: try attributes.int("axis", default: -1), flattens: try attributes.flag("flatten", default: false),
            isLogarithm: try attributes.flag("log", default: false))
    }

    package var attributes: Attributes {
        ["axis": .int(axis), "flatten": .int(flattens ? 1 : 0), "log": .int(isLogarithm ? 1 : 0)]
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(0).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let shape = try Softmax(axis: axis, flattens: flattens).softmaxShape(request.input(0).shape).shape
        let (outer, extent, inner) = (shape[0], shape[1], shape.rank > 2 ? shape[2] : 1)
        if inner == 1 { return Self.rowKernel(rows: outer, width: extent, isLogarithm: isLogarithm) }
        let isLogarithm = isLogarithm
        return Kernel(placement: .mayOverwrite([0])) { operands in
            let gradient = operands.input(0, as: Float.self)
            let y = operands.input(1, as: Float.self)
            let result = operands.output(0, as: Float.self)
            Parallel.forEach(outer * inner, minimum: max(1, 4096 / max(extent, 1))) { row in
                let start = row / inner * extent * inner + row % inner
                var sum: Float = 0
                for position in 0..<extent {
                    let index = start + position * inner
                    sum += isLogarithm ? gradient[index] : gradient[index] * y[index]
                }
                for position in 0..<extent {
                    let index = start + position * inner
                    result[index] = isLogarithm
                        ? gradient[index] - expf(y[index]) * sum : y[index] * (gradient[index] - sum)
                }
            }
        }
    }

    private static func rowKernel(rows: Int, width: Int, isLogarithm: Bool) -> Kernel {
        let gradient = SoftmaxGradientKernel(rows: rows, width: width, isLogarithm: isLogarithm)
        return Kernel(placement: .mayOverwrite([0, 1])) { operands in
            gradient.run(
                operands.input(0, as: Float.self), operands.input(1, as: Float.self), to: operands.output(0, as: Float.self))
        }
    }
}
