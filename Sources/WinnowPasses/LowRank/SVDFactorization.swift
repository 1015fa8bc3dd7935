package import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Splits Gemm, MatMul and Conv into two of lower rank by truncated singular value decomposition.
///
/// W ≈ U_r√Σ · √ΣV_rᵀ, the nearest matrix of rank r (Eckart and Young 1936).
/// ```
/// %2 = Gemm(%1, @w, @b)   →   %h = Gemm(%1, @w.right);  %2 = Gemm(%h, @w.left, @b)
/// ```
package struct SVDFactorization: WeightPass {
    package static let name = "svd-factorization"
    package static let summary = "splits layers into two of lower rank where that saves parameters"
    package static let guide = """
        A Gemm or MatMul becomes two; a k×k Conv becomes k×k with few channels and 1×1 (mode channel), or k×1 and 1×k (mode \
        spatial). The rank keeps a part of the energy Σσ², or is a fraction of the full rank. Layers that would not become \
        smaller stay. Follow with `finetune`.
        """

    package enum ConvolutionMode: String, HyperparameterChoice, Codable { case channel, spatial, none }

    @Hyperparameter("part of the squared singular values to keep", in: 0...1) package var energy = 0.9
    @Hyperparameter("rank as a fraction of the full rank, instead of energy", in: 0...1) package var rankFraction:
        Double? = nil
    @Hyperparameter("how convolutions are split") package var convolutions = ConvolutionMode.channel
    package var choice = WeightChoice()

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        return try graph.rewritingWeights(
            choice,
            prepare: { graph, selection in try graph.storingWeightsAsRead { selection.reason(against: $0) == nil } }
        ) { targets in
            var result = targets.graph
            for target in targets.targets {
                do throws(Refusal) {
                    let split = try FactorizedWeight(target, in: result, mode: convolutions)
                    try factorize(split, in: &result, &targets)
                } catch { targets.skip(target, error.reason) }
            }
            return result
        }
    }

    private func factorize(_ split: FactorizedWeight, in graph: inout Graph, _ targets: inout WeightTargets) throws(Refusal) {
        let matrix = split.matrix
        let factors: SingularValueDecomposition<Float>
        do { factors = try SingularValueDecomposition(matrix) } catch {
            throw Refusal("its decomposition did not converge")
        }
        let full = min(matrix.rows, matrix.columns)
        let rank = max(1, rankFraction.map { Int(($0 * Double(full)).rounded()) } ?? factors.rank(energy: energy))
        let before = matrix.elements.count
        let after = rank * (matrix.rows + matrix.columns)
        let squares = factors.values.map { Double($0) * Double($0) }
        let kept = squares.prefix(rank).reduce(0, +) / max(squares.reduce(0, +), .leastNormalMagnitude)
        guard after < before else {
            throw Refusal("rank \(rank) of \(full) would take \(after) parameters instead of \(before)")
        }
        let (left, right) = factors.factors(rank: rank)
        do { graph = try graph.applying(split.edit(left: left, right: right, &targets.names)) } catch {
            throw Refusal("the two layers do not fit: \(error)")
        }
        let energyText = (kept * 1e4).rounded() / 1e4
        targets.note(
            Finding(
                split.site.tensor, .done, "parameters", before: Double(before), after: Double(after),
                reason: "rank \(rank) of \(full), energy \(energyText)"))
        targets.note(Finding(split.site.tensor, .done, "rank", before: Double(full), after: Double(rank)))
    }
}

/// Why a weight is not factorized.
struct Refusal: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}
