package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// What a layer's outputs need of its weight: the second moments of the rows that it is multiplied with.
package struct LayerReconstruction: Sendable {
    package let contraction: Contraction
    /// Of these columns of the weight, outputs × depth; several where one would take too much memory, and then what one tells
    /// of the other is left out.
    package let moments: [(columns: Range<Int>, moment: SecondMoment)]
    /// The weight, outputs × depth, that comes nearest to the outputs wanted, where that is not the layer's own.
    package let goal: Matrix<Float>?

    package init(contraction: Contraction, moments: [(columns: Range<Int>, moment: SecondMoment)], goal: Matrix<Float>? = nil) {
        (self.contraction, self.moments, self.goal) = (contraction, moments, goal)
    }

    /// What is known of a layer whose inputs are neither in groups nor in parts.
    package var whole: SecondMoment? { moments.count == 1 && moments[0].moment.groupCount == 1 ? moments[0].moment : nil }

    /// Layers of more inputs and taps are seen in parts, or left out: H would take more than 256 MB.
    private static let depthLimit = 8192

    /// One for each layer whose inputs the calibration data tells, by its weight's name.
    package static func gather(
        for targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int, takesParts: Bool = false
    ) throws -> [ValueName: LayerReconstruction] {
        var result: [ValueName: LayerReconstruction] = [:]
        try forEach(of: targets, in: graph, context, sampleCount: sampleCount, takesParts: takesParts) {
            result[$0.contraction.site.tensor] = $0
        }
        return result
    }

    /// Calls `body` for each layer whose inputs the calibration data tells: one run over the data for as many layers as fit into
    /// a gigabyte. Throws `.numeric` naming a value that became infinite or NaN.
    ///
    /// - Parameter takesParts: whether groups and parts of inputs will do.
    package static func forEach(
        of targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int, takesParts: Bool = false,
        _ body: (LayerReconstruction) throws -> Void
    ) throws {
        let contractions = contractions(of: targets, in: graph)
            .filter { takesParts || $0.groupCount == 1 && $0.depth <= depthLimit }
        for part in contractions.chunked(byteLimit: 1 << 30) {
            var statistics = Statistics()
            for contraction in part {
                for range in contraction.columnParts(depthLimit) {
                    statistics.request(GramMatrix(contraction, columns: range), of: contraction.data, key: contraction.key(range))
                }
            }
            try statistics.gather(in: graph, context: context, sampleCount: sampleCount)
            for contraction in part {
                let ranges = contraction.columnParts(depthLimit)
                let moments = ranges.compactMap { range in
                    statistics[contraction.data, GramMatrix.self, key: contraction.key(range)].map { (range, SecondMoment($0)) }
                }
                guard moments.count == ranges.count, moments.allSatisfy({ $0.1.rowCount > 0 }) else { continue }
                guard moments.allSatisfy({ $0.1.matrix.elements.allSatisfy(\.isFinite) }) else { continue }
                try body(LayerReconstruction(contraction: contraction, moments: moments))
            }
        }
    }

    static func contractions(of targets: [WeightTarget], in graph: Graph) -> [Contraction] {
        targets.compactMap { $0.sites.first.flatMap { Contraction($0, in: graph) } }
            .filter { graph.infos[$0.data]?.elementType == .float32 }
    }
}

extension SecondMoment {
    package init(_ gram: GramMatrix) {
        self.init(
            groupCount: gram.groupCount, matrix: Matrix(gram.sum, rows: gram.groupCount * gram.depth, columns: gram.depth),
            mean: gram.rowSum.map { $0 / Double(max(1, gram.rowCount)) }, rowCount: gram.rowCount)
    }
}

extension Contraction {
    /// Columns of the matrix in equal parts that are no wider.
    fileprivate func columnParts(_ limit: Int) -> [Range<Int>] {
        let count = max(1, (depth + limit - 1) / limit)
        return (0..<count).map { (depth * $0 / count)..<(depth * ($0 + 1) / count) }
    }

    fileprivate func key(_ columns: Range<Int>) -> String { "\(rowsKey) \(columns)" }
}

extension [Contraction] {
    /// Neighbours together whose second moments take no more than `byteLimit`.
    fileprivate func chunked(byteLimit: Int) -> [[Contraction]] {
        var (result, bytes) = ([[Contraction]](), 0)
        for contraction in self {
            let own = 4 * contraction.groupCount * contraction.depth * Swift.min(contraction.depth, 8192)
            if result.isEmpty || bytes + own > byteLimit { result.append([]); bytes = 0 }
            result[result.count - 1].append(contraction)
            bytes += own
        }
        return result
    }
}

extension Matrix<Float> {
    /// Sets an element of a weight, outputs × depth, and makes up for what that costs W·X by the elements after it in its row:
    /// w −= (wᵢ − value) / Uᵢᵢ · Uᵢ, U the factor of H⁻¹ (Frantar et al. 2022, algorithm 1).
    package mutating func replace(_ row: Int, _ column: Int, by value: Float, spreadingBy factor: Matrix<Float>) {
        let error = (self[row, column] - value) / factor[column, column]
        self[row, column] = value
        guard error != 0 else { return }
        let (start, source) = (row * columns, column * columns)
        let rest = (column + 1)..<max(column + 1, columns)
        elements.withUnsafeMutableBufferPointer { elements in
            factor.elements.withUnsafeBufferPointer { factor in
                for next in rest { elements[start + next] -= error * factor[source + next] }
            }
        }
    }

    static func + (a: Matrix, b: Matrix) -> Matrix {
        Matrix(zip(a.elements, b.elements).map { $0 + $1 }, rows: a.rows, columns: a.columns)
    }

    static func - (a: Matrix, b: Matrix) -> Matrix {
        Matrix(zip(a.elements, b.elements).map { $0 - $1 }, rows: a.rows, columns: a.columns)
    }
}
