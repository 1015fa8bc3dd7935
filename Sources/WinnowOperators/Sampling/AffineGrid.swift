package import WinnowGraph
import WinnowTensor

/// For each place of images of the size in input 1 (N, C, spatial…), the place between −1 and 1 that matrices move it to.
package struct AffineGrid: Decomposition {
    package static let type = OperatorType("AffineGrid")
    package static let maximumInputCount = 2

    /// Whether −1 and 1 are the centers of the outermost elements rather than their edges.
    package var alignsCorners: Bool

    package init(alignsCorners: Bool = false) { self.alignsCorners = alignsCorners }

    package init(attributes: Attributes, version: Int) throws {
        self.init(alignsCorners: try attributes.flag("align_corners", default: false))
    }

    package var attributes: Attributes { ["align_corners": .int(alignsCorners ? 1 : 0)] }
    package var minimumVersion: Int { 20 }

    /// Its size fixes every axis.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let matrices = try inputs.required(0)
        let spatial = Shape(Array(try b.knownIntegers(of: inputs.required(1)).dropFirst(2)))
        let (strides, width) = (spatial.strides, spatial.rank + 1)
        let base = try b.table("places", spatial.extents + [width], as: b.elementType(of: matrices)) { index in
            // The last axis comes first, and a 1 behind all.
            let axis = spatial.rank - 1 - index % width
            guard axis >= 0 else { return 1 }
            let position = Double(index / width / strides[axis] % spatial[axis])
            let extent = Double(spatial[axis])
            return alignsCorners ? (extent > 1 ? 2 * position / (extent - 1) - 1 : 0) : (2 * position + 1) / extent - 1
        }
        let moved = try b.add(MatMul(), b.reshaped(base, [-1, width]), b.transposed(matrices, [0, 2, 1]))
        return [try b.reshaped(moved, [-1] + spatial.extents + [spatial.rank])]
    }
}
