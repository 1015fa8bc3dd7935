package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// One input after the other is rounded, and what that costs is made up for by the inputs that come after it, so that W·X moves least
/// over calibration data (GPTQ; Frantar et al. 2022, algorithm 1: errors spread by the rows of the Cholesky factor of H⁻¹, H = XᵀX
/// with a hundredth of its mean diagonal added).
package struct GPTQRounding: WeightRounding {
    package static let name = "gptq"
    package static let needs = PassNeeds.calibration
    /// Layers of more inputs and taps keep nearest rounding: H would take more than 256 MB.
    private static let depthLimit = 8192
    private static let damping = 0.01
    /// As in the paper.
    private static let sampleCount = 128

    private var layers: [ValueName: (contraction: Contraction, gram: Matrix<Float>)] = [:]

    package init() {}

    package mutating func prepare(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws {
        let contractions = targets.compactMap { $0.sites.first.flatMap { Contraction($0, in: graph) } }
            .filter { $0.depth <= Self.depthLimit && graph.infos[$0.data]?.elementType == .float32 }
        for part in contractions.chunked(byteLimit: 1 << 30) {
            var statistics = Statistics()
            for contraction in part { statistics.request(GramMatrix(contraction), of: contraction.data, key: contraction.site.tensor) }
            try statistics.gather(in: graph, context: context, sampleCount: Self.sampleCount)
            for contraction in part {
                guard let gram = statistics[contraction.data, GramMatrix.self, key: contraction.site.tensor] else { continue }
                layers[contraction.site.tensor] = (contraction, gram.sum)
            }
        }
    }

    package func rounded(_ target: WeightTarget, _ parameters: QuantizationParameters) -> Tensor? {
        guard let (contraction, gram) = layers[target.tensor] else { return nil }
        guard let factor = try? Self.inverseFactor(gram) else { return nil }
        var weight = contraction.matrix(of: target.values)
        let scales = parameters.scaleIndices(of: contraction.places, in: target.stored.shape)
        for row in 0..<weight.rows {
            for column in 0..<weight.columns {
                let value = weight[row, column]
                let code = parameters.nearest(value, scale: scales[row * weight.columns + column])
                weight[row, column] = code
                let error = (value - code) / factor[column, column]
                guard error != 0 else { continue }
                let (start, source) = (row * weight.columns, column * weight.columns)
                weight.elements.withUnsafeMutableBufferPointer { elements in
                    factor.elements.withUnsafeBufferPointer { factor in
                        for next in (column + 1)..<max(column + 1, weight.columns) { elements[start + next] -= error * factor[source + next] }
                    }
                }
            }
        }
        return contraction.weight(of: weight)
    }

    /// The upper triangle U of H⁻¹ = UᵀU; inputs that are always 0 count as if they were independent of all others.
    private static func inverseFactor(_ gram: Matrix<Float>) throws -> Matrix<Float> {
        var hessian = Matrix(gram.elements.map(Double.init), rows: gram.rows, columns: gram.columns)
        let mean = (0..<hessian.rows).reduce(0) { $0 + hessian[$1, $1] } / Double(max(1, hessian.rows))
        for index in 0..<hessian.rows {
            if hessian[index, index] == 0 { hessian[index, index] = max(mean, 1) }
            hessian[index, index] += damping * mean
        }
        let inverse = try CholeskyFactor(hessian).inverse()
        let upper = try CholeskyFactor(inverse).lower.transposed
        return Matrix(upper.elements.map { Float($0) }, rows: upper.rows, columns: upper.columns)
    }
}

extension [Contraction] {
    /// Neighbours together whose Gram matrices take no more than `byteLimit`.
    fileprivate func chunked(byteLimit: Int) -> [[Contraction]] {
        var (result, bytes) = ([[Contraction]](), 0)
        for contraction in self {
            let own = 4 * contraction.depth * contraction.depth
            if result.isEmpty || bytes + own > byteLimit { result.append([]); bytes = 0 }
            result[result.count - 1].append(contraction)
            bytes += own
        }
        return result
    }
}
