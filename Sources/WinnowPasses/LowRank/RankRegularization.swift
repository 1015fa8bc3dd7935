import WinnowEngine
public import WinnowGraph
package import WinnowKernels
import WinnowTensor
import WinnowTraining

/// Trains weights toward low rank: between steps all singular values become smaller by the same amount, those that would fall below 0 become 0.
///
/// That is the proximal step of a penalty λ·‖W‖_* on the sum of singular values, singular value thresholding (Cai, Candès and Shen 2010,
/// theorem 2.1).
public struct RankRegularization: TrainingPass {
    public static let name = "rank-regularization"
    public static let summary = "draws singular values of weights towards zero while training, so that factors of lower rank do"
    public static let guide = """
        After every `interval` steps W = U·Σ·Vᵀ becomes U·max(Σ − τ, 0)·Vᵀ: small singular values vanish, large ones are held by the loss. \
        Over the whole run a singular value that the loss does not hold loses `strength` times the largest one that its weight had at the beginning. \
        Convolutions count as matrices of outputs by inputs and taps, groups each by themselves, as do matrices side by side. Follow with svd-factorization by \
        `energy`, which finds the ranks that are left, and finetune.
        """
    public static let strengths = [Strength("strength", none: 0)]

    @Hyperparameter("what singular values lose over the run, as a part of their weight's largest at the beginning", in: 0...1e3)
    public var strength = 0.2
    @Hyperparameter("steps between two reductions", in: 1...1e9) public var interval = 20
    public var choice = WeightChoice()

    public init() {}

    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard strength > 0 else { return }
        let (weights, others) = try regularized(in: setup.model)
        setup.findings += others
        if weights.isEmpty { setup.findings.append(Finding("graph", .skipped, reason: "no layer has a matrix of numbers")) }
        setup.hooks.append(RankHook(weights, strength: strength, interval: interval))
    }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let findings = try strength > 0 ? regularized(in: graph).weights.compactMap { unfolded -> Finding? in
            guard let weight = graph.initializers[unfolded.tensor] else { return nil }
            let ranks = try unfolded.matrices(of: weight.converted(to: .float32)).map { matrix in
                let squares = try SingularValueDecomposition(matrix).values.map { Double($0) * Double($0) }
                return Spectrum(squares, rows: matrix.rows, columns: matrix.columns).rank(energy: 0.99)
            }
            return Finding(
                unfolded.tensor, .done, .rank, before: Double(min(unfolded.rows, unfolded.columns)), after: Double(ranks.max() ?? 0),
                reason: "keeps 0.99 of the energy")
        } : []
        return PassResult(graph: graph, findings: findings)
    }

    /// The weights by their matrices, each once, and what stays as it is.
    private func regularized(in graph: Graph) throws -> (weights: [UnfoldedWeight], others: [Finding]) {
        var (weights, others): ([UnfoldedWeight], [Finding]) = ([], [])
        for target in WeightTargets(graph, try choice.selection(in: graph), objection: { _ in nil }).targets {
            do throws(Refusal) {
                guard let site = target.sites.first else { continue }
                guard target.stored.elementType.storesWeights, !site.isQuantized, site.mask == nil else { continue }
                let unfolded = try UnfoldedWeight(site, in: graph)
                if min(unfolded.rows, unfolded.columns) > 1 { weights.append(unfolded) }
            } catch { others.append(Finding(target.tensor, .skipped, reason: "its singular values stay: \(error.reason)")) }
        }
        return (weights, others)
    }
}

/// Reduces singular values on its schedule.
private struct RankHook: TrainingHook {
    private let weights: [UnfoldedWeight]
    private let strength: Double
    private let interval: Int
    /// The largest singular value of each group at the beginning, by the weight's name.
    private var largest: [ValueName: [Float]] = [:]

    init(_ weights: [UnfoldedWeight], strength: Double, interval: Int) {
        (self.weights, self.strength, self.interval) = (weights, strength, interval)
    }

    mutating func step(_ moment: inout TrainingMoment) throws {
        if moment.step == 0 {
            for unfolded in weights {
                guard let weight = moment.variables[unfolded.tensor] else { continue }
                largest[unfolded.tensor] = try unfolded.matrices(of: weight).map { try SingularValueDecomposition($0).values.first ?? 0 }
            }
            return
        }
        // The last reduction counts whatever steps are left.
        let isLast = moment.step == moment.totalSteps
        guard moment.step % interval == 0 || isLast else { return }
        let steps = moment.step % interval == 0 ? interval : moment.step % interval
        let share = Float(strength * Double(steps) / Double(max(1, moment.totalSteps)))
        for unfolded in weights {
            let name = unfolded.tensor
            guard !moment.frozen.contains(name), let weight = moment.variables[name], let largest = largest[name] else { continue }
            let reduced = try zip(unfolded.matrices(of: weight), largest).map { try $0.reducingSingularValues(by: share * $1) }
            moment.variables[name] = unfolded.weight(of: reduced)
        }
    }

    var state: [String: Tensor] { largest.mapValues { Tensor($0) } }
    mutating func restore(_ state: [String: Tensor]) { largest = state.mapValues { $0.floats() } }
}

extension Matrix<Float> {
    /// U·max(Σ − τ, 0)·Vᵀ.
    package func reducingSingularValues(by amount: Float) throws -> Matrix<Float> {
        let whole = try SingularValueDecomposition(self)
        let rank = whole.values.prefix { $0 > amount }.count
        guard rank > 0 else { return Matrix(zeros: rows, columns) }
        let (left, right) = whole.factors(rank: rank)
        var scaled = left
        // Factors are balanced: σ is shared by both.
        for component in 0..<rank {
            let factor = (whole.values[component] - amount) / whole.values[component]
            for row in 0..<scaled.rows { scaled[row, component] *= factor }
        }
        return scaled * right
    }
}
