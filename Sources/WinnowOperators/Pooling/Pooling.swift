package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// An operator that takes the maximum or mean of a sliding window over the spatial axes of (N, C, spatial…).
package protocol Pooling: Operator {
    var kind: PoolingKind { get }

    /// The spatial extents of the output.
    func outputExtents(source: [Extent]) throws -> [Extent]
    func geometry(source: Shape) throws -> PoolingGeometry
}

extension Pooling {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [try pooledInfo(inputs)] }

    func pooledInfo(_ inputs: [ValueInfo?]) throws -> ValueInfo {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return ValueInfo(data.elementType, nil) }
        guard extents.count >= 3 else { throw WinnowError(.shape, "input \(data.type)", "has no spatial axes") }
        let spatial = try outputExtents(source: Array(extents.dropFirst(2)))
        return ValueInfo(data.elementType, Array(extents.prefix(2)) + spatial)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(poolingKernel) }

    func poolingKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let pooling = try PoolingKernel(geometry(source: data.shape), kind, data.elementType, layout: data.layout)
        return Kernel(scratchByteCount: pooling.scratchByteCount) { operands in
            try pooling.run(source: operands.input(0), target: operands.output(0), scratch: operands.scratch)
        }
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }
}

extension Window {
    /// `"nc.. -> nc.."` of an operator that slides over the spatial axes of input 0; those along which each place is seen by itself pass.
    func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, rank >= 3 else { return .opaque }
        let pointwise = pointwiseAxes(rank: rank - 2)
        return .passing(inputs, except: Set((2..<rank).filter { !pointwise.contains($0 - 2) }))
    }
}
