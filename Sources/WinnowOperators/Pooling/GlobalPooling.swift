package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// A pooling with one window over all spatial axes.
package protocol GlobalPooling: Pooling, AttributeFree {}

extension GlobalPooling {
    package func outputExtents(source: [Extent]) throws -> [Extent] { source.map { _ in .fixed(1) } }
    package func geometry(source: Shape) throws -> PoolingGeometry { .global(source) }

    /// `"nc.. -> nc11"`
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, rank >= 3 else { return .opaque }
        let count = rank - 2
        return AxisMap("nc\(String(repeating: ".", count: count))->nc\(String(repeating: "1", count: count))")
    }
}
