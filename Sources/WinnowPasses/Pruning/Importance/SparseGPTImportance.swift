package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// w² / d², d the diagonal of the upper Cholesky factor of H⁻¹, H = (2/n)XᵀX of the rows that a layer's weight meets: of every
/// block of 128 inputs those up to the ⌊n·sparsity⌋-th lowest score, counted from 0, go one after the other, and what each
/// costs W·X is made up for by the inputs after it; of N:M the least of every group go when their turn comes (SparseGPT;
/// Frantar and Alistarh 2023, algorithm 1; a hundredth of H's mean diagonal is added, weights of inputs that are always 0 go).
/// Scopes make no difference. Blocks RxC are ranked by the scores, and nothing is made up for. Layers that do not tell their
/// inputs fall back to magnitudes.
package struct SparseGPTImportance: ElementImportance {
    package static let name = "sparsegpt"
    package static let needs = PassNeeds.calibration
    private static let damping = 0.01
    private static let blockSize = 128
    /// As in the paper.
    private static let sampleCount = 128

    private var layers: [ValueName: LayerReconstruction] = [:]
    /// Weights that something besides their layers reads: these are not corrected.
    private var shared: Set<ValueName> = []

    package init() {}

    init(layers: [ValueName: LayerReconstruction]) { self.layers = layers }

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        layers = try LayerReconstruction.gather(for: targets, in: graph, context, sampleCount: Self.sampleCount)
        let index = GraphIndex(graph)
        shared = Set(targets.filter { $0.sites.count == 1 && !index.owns($0.sites[0]) }.map(\.tensor))
    }

    package func scores(of weight: MaskedWeight) -> [Float]? {
        guard let solver = solver(for: weight) else { return nil }
        var scores = solver.weight
        for row in 0..<scores.rows { for column in 0..<scores.columns { scores[row, column] = solver.score(row, column) } }
        return solver.contraction.weight(of: scores).floats()
    }

    package func corrected(_ weight: MaskedWeight, _ pattern: SparsityPattern, _ budget: Budget) -> Tensor? {
        guard !shared.contains(weight.tensor), var solver = solver(for: weight) else { return nil }
        switch pattern {
        case .blocks: return nil
        case .semiStructured(let kept, let group):
            for start in stride(from: 0, to: solver.weight.columns, by: Self.blockSize) {
                solver.prune(start..<min(start + Self.blockSize, solver.weight.columns), losing: group - kept, of: group)
            }
        case .unstructured:
            guard let amount = BlockAmount(budget, weight) else { return nil }
            for start in stride(from: 0, to: solver.weight.columns, by: Self.blockSize) {
                solver.prune(start..<min(start + Self.blockSize, solver.weight.columns), amount)
            }
        }
        return solver.contraction.weight(of: solver.weight).converted(to: weight.values.elementType)
    }

    private func solver(for weight: MaskedWeight) -> Solver? {
        guard let layer = layers[weight.tensor], let moment = layer.whole,
            let factor = try? moment.inverseFactor(damping: Self.damping)
        else { return nil }
        return Solver(layer.contraction, moment, factor, layer.contraction.matrix(of: weight.zeroed.converted(to: .float32)))
    }
}

/// How much goes of every block.
private enum BlockAmount {
    /// The part of all, with what is gone already.
    case part(Double)
    case cut(Budget)

    /// nil: nothing goes.
    init?(_ budget: Budget, _ weight: MaskedWeight) {
        let gone = 1 - Double(weight.keptCount) / Double(max(1, weight.count))
        switch budget {
        case .fraction(let fraction): self = .part(gone + fraction * (1 - gone))
        case .total(let fraction): self = .part(fraction)
        default: self = .cut(budget)
        }
        if case .part(let part) = self, part <= gone { return nil }
    }

    /// Which of these go; scores of what is gone already are 0.
    func removed(_ scores: [Float]) -> [Bool] {
        switch self {
        case .part(let part):
            let count = Int(Double(scores.count) * part)
            guard count < scores.count else { return scores.map { _ in true } }
            let threshold = scores.sorted()[count]
            return scores.map { $0 <= threshold }
        case .cut(let budget):
            let scores = scores.map { $0 == 0 ? -1 : $0 }
            var cut = budget.cut(of: [scores])
            return scores.map { $0 < 0 || cut.removes($0) }
        }
    }
}

/// A weight, as outputs × depth, that loses elements column by column.
private struct Solver {
    let contraction: Contraction
    let factor: Matrix<Float>
    var weight: Matrix<Float>
    /// d² of every column, times 2/n.
    private let divisors: [Float]
    /// What was 0 before, and stays so.
    private let gone: [Bool]
    /// The same with what goes of groups that have begun.
    private var removed: [Bool]

    init(_ contraction: Contraction, _ moment: SecondMoment, _ factor: Matrix<Float>, _ whole: Matrix<Float>) {
        var weight = whole
        let scale = Float(max(1, moment.rowCount)) / 2
        divisors = (0..<factor.rows).map { factor[$0, $0] * factor[$0, $0] * scale }
        for column in 0..<weight.columns where moment.matrix[column, column] == 0 {
            for row in 0..<weight.rows { weight[row, column] = 0 }
        }
        gone = weight.elements.map { $0 == 0 }
        removed = gone
        (self.contraction, self.factor, self.weight) = (contraction, factor, weight)
    }

    func score(_ row: Int, _ column: Int) -> Float {
        gone[row * weight.columns + column] ? 0 : weight[row, column] * weight[row, column] / divisors[column]
    }

    private mutating func remove(_ row: Int, _ column: Int) { weight.replace(row, column, by: 0, spreadingBy: factor) }

    mutating func prune(_ columns: Range<Int>, _ amount: BlockAmount) {
        let chosen = amount.removed((0..<weight.rows).flatMap { row in columns.map { score(row, $0) } })
        for row in 0..<weight.rows {
            for (index, column) in columns.enumerated()
            where chosen[row * columns.count + index] || gone[row * weight.columns + column] { remove(row, column) }
        }
    }

    /// Of every `group` inputs of an output, at each tap, the least go when their first one comes.
    mutating func prune(_ columns: Range<Int>, losing count: Int, of group: Int) {
        let taps = max(1, contraction.tapCount)
        for row in 0..<weight.rows {
            for column in columns {
                let (input, tap) = (column / taps, column % taps)
                if input % group == 0 { choose(row, (input..<(input + group)).map { $0 * taps + tap }, count) }
                let place = row * weight.columns + column
                if removed[place] { remove(row, column) }
            }
        }
    }

    private mutating func choose(_ row: Int, _ members: [Int], _ count: Int) {
        for index in members.map({ score(row, $0) }).lowest(count) { removed[row * weight.columns + members[index]] = true }
    }
}
