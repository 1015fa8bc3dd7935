import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// k×1, then 1×k (Jaderberg et al. 2014, scheme 2).
package enum SpatialSplit: ConvolutionSplit {
    package static let name = "spatial"

    package static func split(_ conv: Conv, _ weight: Tensor, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        let shape = weight.shape
        guard conv.window.autoPad == .explicit else { throw Refusal("its padding depends on the input") }
        guard shape[2] > 1 || shape[3] > 1 else { throw Refusal("it is 1×1") }
        let turned = weight.transposed([1, 2, 0, 3]).elements(Float.self) ?? []
        let matrix = Matrix(turned, rows: shape[1] * shape[2], columns: shape[0] * shape[3])
        let (left, right, energy) = try rule.factors(of: matrix)
        let rank = left.columns
        let vertical = Tensor(left.elements, shape: [shape[1], shape[2], rank, 1]).transposed([2, 0, 1, 3])
        let horizontal = Tensor(right.elements, shape: [rank, shape[0], 1, shape[3]]).transposed([1, 0, 2, 3])
        return LayerSplit(
            layers: [(part(0, of: conv, shape), vertical), (part(1, of: conv, shape), horizontal)],
            ranks: [(rank, min(matrix.rows, matrix.columns))], energy: energy)
    }

    /// The window along one of its axes alone.
    private static func part(_ axis: Int, of conv: Conv, _ shape: Shape) -> Conv {
        let window = conv.window
        func along(_ values: [Int]?, _ other: Int) -> [Int] {
            var result = [other, other]
            result[axis] = values?[axis] ?? 1
            return result
        }
        let pads = window.pads ?? [0, 0, 0, 0]
        var own = [0, 0, 0, 0]
        (own[axis], own[axis + 2]) = (pads[axis], pads[axis + 2])
        var extents = [1, 1]
        extents[axis] = shape[2 + axis]
        return Conv(window: Window(extents: extents, strides: along(window.strides, 1), dilations: along(window.dilations, 1), pads: own))
    }
}
