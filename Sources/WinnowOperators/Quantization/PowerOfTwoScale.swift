package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Scales that are trained, rounded up to powers of two: 2^⌈log₂ s⌉. Straight-through in the logarithm: ∂y/∂s = y / s (Jain et al. 2020,
/// section 3.2).
package struct PowerOfTwoScale: AttributeFree {
    package static let type = OperatorType("PowerOfTwoScale", domain: "winnow")

    package init() {}

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(0).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let scale = try request.input(0)
        try scale.requireFloat32(request.nodeName)
        let count = scale.shape.elementCount
        return Kernel { operands in
            let (source, target) = (operands.input(0, as: Float.self), operands.output(0, as: Float.self))
            for index in 0..<count { target[index] = source[index].nextPowerOfTwo }
        }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        return [try b.multiply(context.outputGradient(), b.divide(context.output(0), context.input(0)))]
    }
}
