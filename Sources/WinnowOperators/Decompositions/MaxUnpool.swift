package import WinnowGraph
import WinnowTensor

/// Maxima put back to where MaxPool's indices say they came from, zeros elsewhere; input 2 is a wanted larger shape.
package struct MaxUnpool: Decomposition {
    package static let type = OperatorType("MaxUnpool")
    package static let maximumInputCount = 3

    package var window: Window

    package init(window: Window) { self.window = window }
    package init(attributes: Attributes, version: Int) throws { self.init(window: try Window(attributes: attributes)) }

    package var attributes: Attributes { window.attributes }
    package var minimumVersion: Int { 9 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        let wanted = inputs.integers(2)?.map { Extent.fixed($0) }
        return [ValueInfo(x.elementType, wanted ?? x.extents.map { $0.prefix(2) + $0.dropFirst(2).map { _ in .unknown } })]
    }

    /// Indices count in the shape that the window alone gives; a wanted shape adds zeros behind it.
    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, indices) = (try inputs.required(0), try inputs.required(1))
        let shape = try b.knownShape(of: x)
        guard let extents = window.extents, shape.rank == extents.count + 2, window.strides?.count ?? extents.count == extents.count,
            window.pads?.count ?? (2 * extents.count) == 2 * extents.count
        else { throw WinnowError(.shape, "kernel_shape", "does not fit \(shape)") }
        var full = shape
        for axis in extents.indices {
            let pads = (window.pads?[axis] ?? 0) + (window.pads?[axis + extents.count] ?? 0)
            full[axis + 2] = ((shape[axis + 2] - 1) *| (window.strides?[axis] ?? 1)) +| (extents[axis] - pads)
        }
        let zero = Tensor([0], shape: [1], as: b.elementType(of: x))
        let zeros = try b.reshaped(b.add(ConstantOfShape(zero), b.integers(full.extents)), [-1])
        let flat = try b.add(ScatterElements(), zeros, b.reshaped(indices, [-1]), b.reshaped(x, [-1]))
        let result = try b.reshaped(flat, full.extents)
        guard let wanted = try inputs.present(2).map({ try b.knownIntegers(of: $0) }), wanted.count == full.rank else {
            return [result]
        }
        return [try b.add(Pad(), result, b.integers(full.indices.map { _ in 0 } + full.indices.map { wanted[$0] -| full[$0] }))]
    }
}
