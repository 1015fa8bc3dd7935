package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// From (dy, x, scale, zero point, bits of a code): dx, straight-through where the code is not clamped, and the scale's gradient
/// Σ dy·(code − zero point − x/scale), without the last term where it is clamped.
package struct FakeQuantizeGradient: Operator {
    package static let type = OperatorType("FakeQuantizeGradient", domain: "winnow")

    package var forward: FakeQuantize

    package init(_ forward: FakeQuantize) { self.forward = forward }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try FakeQuantize(attributes: attributes, version: version))
    }

    package var attributes: Attributes { forward.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(1).type), ValueInfo(try inputs.required(2).type)]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(1)
        try data.requireFloat32(request.nodeName)
        let parameters = try AffineOperands(request, scaleIndex: 2)
        let hasBits = try request.hasNumber(4)
        let kernels = forward.kernels(try forward.scaleAxis.geometry(data, scale: request.input(2).shape), ofBits: hasBits)
        var layout = ScratchLayout()
        _ = layout.reserve(parameters.scratchByteCount)
        let sums = layout.reserve(kernels[0].gradientScratchByteCount)
        let unreadGradient = layout.reserve(try request.input(2).shape.elementCount, of: .float32)
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            let unread = (scratch + unreadGradient).assumingMemoryBound(to: Float.self)
            let fake = kernels[hasBits ? FakeQuantize.place(ofBits: operands.input(4, as: Float.self)[0]) : 0]
            parameters.withPointers(operands) {
                fake.runGradient(
                    operands.input(0, as: Float.self), operands.input(1, as: Float.self), $0,
                    sourceGradient: operands.optionalOutput(0)?.assumingMemoryBound(to: Float.self),
                    scaleGradient: operands.optionalOutput(1)?.assumingMemoryBound(to: Float.self) ?? unread,
                    scratch: scratch + sums)
            }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }
}
