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
        Convolutions count as matrices of outputs by inputs and taps, groups each by themselves. Follow with svd-factorization by \
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
        let contractions = try regularized(in: setup.model)
        if contractions.isEmpty { setup.findings.append(Finding("graph", .skipped, reason: "no layer has a matrix of float32")) }
        setup.hooks.append(RankHook(contractions, strength: strength, interval: interval))
    }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let findings = try strength > 0 ? regularized(in: graph).compactMap { contraction -> Finding? in
            guard let weight = graph.initializers[contraction.site.tensor] else { return nil }
            let matrix = contraction.matrix(of: weight)
            let ranks = try contraction.groups.map { rows in
                let spectrum = try SingularValueDecomposition(matrix.rows(rows)).values
                let squares = spectrum.map { Double($0) * Double($0) }
                return Spectrum(squares, rows: rows.count, columns: matrix.columns).rank(energy: 0.99)
            }
            return Finding(
                contraction.site.tensor, .done, .rank, before: Double(min(contraction.rowsInGroup, matrix.columns)),
                after: Double(ranks.max() ?? 0), reason: "keeps 0.99 of the energy")
        } : []
        return PassResult(graph: graph, findings: findings)
    }

    /// The weights by their roles, each once.
    private func regularized(in graph: Graph) throws -> [Contraction] {
        WeightTargets(graph, try choice.selection(in: graph)) { _ in nil }.targets.compactMap { target in
            guard target.stored.elementType == .float32, let site = target.sites.first, site.mask == nil, !site.isQuantized,
                let contraction = Contraction(site, in: graph), min(contraction.rowsInGroup, contraction.depth) > 1
            else { return nil }
            return contraction
        }
    }
}

/// Reduces singular values on its schedule.
private struct RankHook: TrainingHook {
    private let contractions: [Contraction]
    private let strength: Double
    private let interval: Int
    /// The largest singular value of each group at the beginning, by the weight's name.
    private var largest: [ValueName: [Float]] = [:]

    init(_ contractions: [Contraction], strength: Double, interval: Int) {
        (self.contractions, self.strength, self.interval) = (contractions, strength, interval)
    }

    mutating func step(_ moment: inout TrainingMoment) throws {
        if moment.step == 0 {
            for contraction in contractions {
                guard let weight = moment.variables[contraction.site.tensor] else { continue }
                let matrix = contraction.matrix(of: weight)
                largest[contraction.site.tensor] = try contraction.groups.map {
                    try SingularValueDecomposition(matrix.rows($0)).values.first ?? 0
                }
            }
            return
        }
        // The last reduction counts whatever steps are left.
        let isLast = moment.step == moment.totalSteps
        guard moment.step % interval == 0 || isLast else { return }
        let steps = moment.step % interval == 0 ? interval : moment.step % interval
        let share = Float(strength * Double(steps) / Double(max(1, moment.totalSteps)))
        for contraction in contractions {
            let name = contraction.site.tensor
            guard !moment.frozen.contains(name), let weight = moment.variables[name], let largest = largest[name] else { continue }
            var matrix = contraction.matrix(of: weight)
            for (group, rows) in contraction.groups.enumerated() {
                let reduced = try matrix.rows(rows).reducingSingularValues(by: share * largest[group])
                matrix.elements.replaceSubrange((rows.lowerBound * matrix.columns)..<(rows.upperBound * matrix.columns), with: reduced.elements)
            }
            moment.variables[name] = contraction.weight(of: matrix)
        }
    }

    var state: [String: Tensor] { largest.mapValues { Tensor($0) } }
    mutating func restore(_ state: [String: Tensor]) { largest = state.mapValues { $0.floats() } }
}

extension Contraction {
    /// The rows of the matrix that belong to each group.
    fileprivate var groups: [Range<Int>] { (0..<groupCount).map { ($0 * rowsInGroup)..<(($0 + 1) * rowsInGroup) } }
}

extension Matrix<Float> {
    fileprivate func rows(_ range: Range<Int>) -> Matrix<Float> {
        Matrix(Array(elements[(range.lowerBound * columns)..<(range.upperBound * columns)]), rows: range.count, columns: columns)
    }

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
