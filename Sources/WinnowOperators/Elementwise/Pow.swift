package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// aᵇ; the exponent may have another element type, the result has a's.
package struct Pow: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Pow")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .power }
    package var minimumVersion: Int { 7 }
    package var neutralOperand: (value: Double, places: Set<Int>)? { (1, [1]) }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        let exponents = zeros.inputs.optional(1)?.constant?.doubles() ?? [0]
        return zeros.indices == [0] && exponents.allSatisfy { $0 > 0 } ? .zero : zeros.indices.isEmpty ? .number : .undefined
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let info = ValueInfo(try inputs.required(0).elementType, try inputs.broadcastExtents())
        return try evaluatingConstants([info], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (a, b) = (try request.input(0), try request.input(1))
        if b.elementType.isFloatingPoint, a.elementType.isInteger || b.elementType == .float64, a.elementType != b.elementType {
            return try wideKernel(request)
        }
        let loop = try BinaryKernel(function, a.elementType, a.shape, b.shape, layout: request.outputs[0].layout)
        let placement = a.shape == request.outputs[0].shape ? Kernel.Placement.mayOverwrite([0]) : .separate
        guard a.elementType != b.elementType else {
            return Kernel(placement: placement) { loop.run($0.input(0), $0.input(1), to: $0.output(0)) }
        }
        let cast = try CastKernel(from: b.elementType, to: a.elementType)
        let count = b.shape.elementCount
        let byteCount = a.elementType.byteCount(of: count)
        return Kernel(placement: placement, scratchByteCount: byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            cast.run(from: operands.input(1), to: scratch, count: count)
            loop.run(operands.input(0), scratch, to: operands.output(0))
        }
    }

    /// In float64, where the exponent says more than the base's type can hold; integers are cut off.
    private func wideKernel(_ request: KernelRequest) throws -> Kernel {
        let (a, b, output) = (try request.input(0), try request.input(1), request.outputs[0])
        let loop = try BinaryKernel(function, .float64, a.shape, b.shape, layout: output.layout)
        let casts = try [a, b].map { try CastKernel(from: $0.elementType, to: .float64) }
        let narrow = try CastKernel(from: .float64, to: output.elementType)
        let counts = [a, b, output].map(\.shape.elementCount)
        var layout = ScratchLayout()
        let places = counts.map { layout.reserve($0, of: .float64) }
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            for (index, cast) in casts.enumerated() {
                cast.run(from: operands.input(index), to: scratch + places[index], count: counts[index])
            }
            loop.run(scratch + places[0], scratch + places[1], to: scratch + places[2])
            narrow.run(from: scratch + places[2], to: operands.output(0), count: counts[2])
        }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, z) = (try context.input(0), try context.input(1))
        let y = try context.output(0)
        let g = try context.outputGradient()
        let type = context.info(of: x)?.elementType ?? .float32
        let exponent = context.info(of: z)?.elementType == type ? z : try b.add(Cast(to: type), z)
        let one = b.scalar(1, like: x)
        return [
            try context.summed(to: 0, b.multiply(g, b.multiply(exponent, b.add(Pow(), x, b.subtract(exponent, one))))),
            try context.summed(to: 1, b.multiply(g, b.multiply(y, b.add(Log(), x)))),
        ]
    }
}
