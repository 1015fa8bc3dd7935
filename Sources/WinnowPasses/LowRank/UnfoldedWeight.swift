package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// A stored weight as the matrices that its layer multiplies with, outputs × what they sum over: one for each group, or for each of
/// several side by side.
package struct UnfoldedWeight: Sendable {
    package let tensor: ValueName
    private let form: Form

    private enum Form {
        case contraction(Contraction)
        /// Axis i of what the layer reads is axis `order[i]` of the initializer.
        case product(ProductAxes, order: [Int])
    }

    /// Throws why it is none.
    package init(_ site: WeightSite, in graph: Graph) throws(Refusal) {
        tensor = site.tensor
        if let contraction = Contraction(site, in: graph) {
            form = .contraction(contraction)
        } else {
            let axes = try ProductAxes(site, in: graph)
            guard let order = site.order, order.count == graph.initializers[site.tensor]?.shape.rank else {
                throw Refusal("its axes are merged or split before its layer reads it")
            }
            form = .product(axes, order: order)
        }
    }

    /// Of one matrix.
    package var rows: Int {
        switch form {
        case .contraction(let contraction): contraction.rowsInGroup
        case .product(let axes, _): axes.outputCount
        }
    }

    package var columns: Int {
        switch form {
        case .contraction(let contraction): contraction.depth
        case .product(let axes, _): axes.depth
        }
    }

    package func matrices(of weight: Tensor) -> [Matrix<Float>] {
        switch form {
        case .contraction(let contraction):
            let matrix = contraction.matrix(of: weight)
            return (0..<contraction.groupCount).map { matrix[rows: ($0 * rows)..<(($0 + 1) * rows)] }
        case .product(let axes, let order):
            return axes.matrices(of: weight.transposed(order), outputsFirst: true)
        }
    }

    /// The matrices as the weight is stored.
    package func weight(of matrices: [Matrix<Float>]) -> Tensor {
        switch form {
        case .contraction(let contraction):
            return contraction.weight(of: Matrix(matrices.flatMap(\.elements), rows: matrices.count * rows, columns: columns))
        case .product(let axes, let order):
            return axes.weight(of: matrices).transposed(order.indices.map { axis in order.firstIndex(of: axis) ?? axis })
        }
    }
}
