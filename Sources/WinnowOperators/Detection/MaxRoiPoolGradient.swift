package import WinnowGraph
import WinnowTensor

/// The gradient of MaxRoiPool's data from (target gradient, data, regions): each bin's goes to its maximum.
package struct MaxRoiPoolGradient: Operator {
    package static let type = OperatorType("MaxRoiPoolGradient", domain: "winnow")

    package var pool: MaxRoiPool

    package init(_ pool: MaxRoiPool) { self.pool = pool }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try MaxRoiPool(attributes: attributes, version: version))
    }

    package var attributes: Attributes { pool.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 2])
        let (bins, count) = (pool.bins.reduce(1, *), request.outputs[0].shape.elementCount)
        let sums = try pool.overMaxima(
            data: request.input(1).shape, regions: request.input(2).shape, request.nodeName
        ) { operands, plane, bin, index in
            guard let index else { return }
            operands.output(0, as: Float.self)[index] += operands.input(0, as: Float.self)[plane * bins + bin]
        } values: { $0.input(1, as: Float.self) } corners: { $0.input(2, as: Float.self) }
        return Kernel { operands in
            operands.output(0, as: Float.self).update(repeating: 0, count: count)
            try sums.run(operands)
        }
    }
}
