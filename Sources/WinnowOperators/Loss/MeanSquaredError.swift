package import WinnowGraph
import WinnowTensor

/// The mean of (x − target)²; both get gradients.
package struct MeanSquaredError: Operator {
    package static let type = OperatorType("MeanSquaredError", domain: "winnow")

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (x, target) = (try inputs.required(0), try inputs.required(1))
        guard x.type.accepts(target.type) else {
            throw WinnowError(.shape, "target", "is \(target.type), but the output \(x.type)")
        }
        return [ValueInfo(x.elementType, [])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        try data.requireFloat32(request.nodeName)
        let count = data.shape.elementCount
        return Kernel { operands in
            let (x, target) = (operands.input(0, as: Float.self), operands.input(1, as: Float.self))
            var total = 0.0
            for i in 0..<count {
                let difference = Double(x[i] - target[i])
                total += difference * difference
            }
            operands.output(0, as: Float.self)[0] = Float(total / Double(max(count, 1)))
        }
    }

    /// 2·(x − target)/n·dy.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        let x = try context.input(0)
        let difference = try builder.add(Sub(), x, context.input(1))
        let type = context.info(of: x)?.elementType ?? .float32
        let count = try builder.add(Cast(to: type), builder.add(SizeOf(), x))
        let two = builder.constant("two", Tensor([2], shape: [], as: type))
        let factor = try builder.add(Div(), builder.add(Mul(), context.outputGradient(), two), count)
        let dx = try builder.add(Mul(), difference, factor)
        return [dx, context.needs(1) ? try builder.add(Neg(), dx) : nil]
    }
}
