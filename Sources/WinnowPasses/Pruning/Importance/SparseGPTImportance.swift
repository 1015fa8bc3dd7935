package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// w² / d², d the diagonal of the upper Cholesky factor of H⁻¹, H = (2/n)XᵀX of the rows that a layer's weight meets: of every
/// block of 128 inputs the lowest go, one after the other, and what each costs W·X is made up for by the inputs after it; of N:M
/// the least of every group go when their turn comes (SparseGPT; Frantar and Alistarh 2023, algorithm 1; a hundredth of H's mean
/// diagonal is added). How many go of a weight is found once, and shared among its blocks; a threshold cuts each of them.
///
/// Weights of inputs that are always 0 cost nothing: they are the first to go, the smallest before the others, and no more of them
/// than asked for (the authors' code takes all). Every tensor is pruned for itself, whatever the scope. Blocks RxC are ranked by the
/// scores, and nothing is made up for. Layers that do not tell their inputs, or only see zeros, fall back to magnitudes.
package struct SparseGPTImportance: ElementImportance {
    package static let name = "sparsegpt"
    package static let needs = PassNeeds.calibration
    package static let comparesTensors = false
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
            let blocks = stride(from: 0, to: solver.weight.columns, by: Self.blockSize)
                .map { $0..<min($0 + Self.blockSize, solver.weight.columns) }
            guard solver.prune(blocks, budget) else { return nil }
        }
        return solver.contraction.weight(of: solver.weight).converted(to: weight.values.elementType)
    }

    private func solver(for weight: MaskedWeight) -> Solver? {
        guard let layer = layers[weight.tensor], let moment = layer.whole,
            (0..<moment.matrix.columns).contains(where: { moment.matrix[$0, $0] != 0 }),
            let factor = try? moment.inverseFactor(damping: Self.damping)
        else { return nil }
        return Solver(layer.contraction, moment, factor, layer.contraction.matrix(of: weight.zeroed.converted(to: .float32)))
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
    /// The columns of inputs that are always 0.
    private let isDead: [Bool]
    /// What goes, with what is gone.
    private var removed: [Bool]

    init(_ contraction: Contraction, _ moment: SecondMoment, _ factor: Matrix<Float>, _ whole: Matrix<Float>) {
        let scale = Float(max(1, moment.rowCount)) / 2
        divisors = (0..<factor.rows).map { factor[$0, $0] * factor[$0, $0] * scale }
        isDead = (0..<whole.columns).map { moment.matrix[$0, $0] == 0 }
        gone = whole.elements.map { $0 == 0 }
        removed = gone
        (self.contraction, self.factor, weight) = (contraction, factor, whole)
    }

    func score(_ row: Int, _ column: Int) -> Float {
        isDead[column] || gone[row * weight.columns + column] ? 0 : weight[row, column] * weight[row, column] / divisors[column]
    }

    /// What goes first: what is gone, then what no data meets by its magnitude, then the rest by its score.
    private func rank(_ row: Int, _ column: Int) -> (Int, Float) {
        if gone[row * weight.columns + column] { return (0, 0) }
        return isDead[column] ? (1, weight[row, column].magnitude) : (2, score(row, column))
    }

    private func places(of columns: Range<Int>) -> [Int] {
        (0..<weight.rows).flatMap { row in columns.map { row * weight.columns + $0 } }
    }

    private func score(_ place: Int) -> Float { score(place / weight.columns, place % weight.columns) }

    /// Takes what a budget asks for, block by block of columns; false where that is nothing.
    mutating func prune(_ blocks: [Range<Int>], _ budget: Budget) -> Bool {
        let scores = weight.elements.indices.map { gone[$0] ? -1 : score($0) }
        let budget = budget.resolved(by: [scores])
        var cut = budget.cut(of: [scores])
        let count = scores.count { $0 >= 0 && cut.removes($0) }
        guard count > 0 else { return false }
        if case .threshold = budget {
            for columns in blocks { take(columns) { $0.map { cut.removes($0) } } }
            return true
        }
        let unmet = weight.elements.indices.filter { !gone[$0] && isDead[$0 % weight.columns] }
        for index in unmet.map({ weight.elements[$0].magnitude }).lowest(count) { removed[unmet[index]] = true }
        let shares = SharedCount.shares(
            of: max(0, count - unmet.count), among: blocks.map { $0.count * weight.rows },
            gone: blocks.map { places(of: $0).count { removed[$0] } })
        for (columns, share) in zip(blocks, shares) {
            take(columns) { scores in
                var goes = scores.map { _ in false }
                for index in scores.lowest(share) { goes[index] = true }
                return goes
            }
        }
        return true
    }

    /// Takes of these columns what is chosen by the scores that those before have left, of weights that still stand.
    private mutating func take(_ columns: Range<Int>, _ choose: ([Float]) -> [Bool]) {
        let standing = places(of: columns).filter { !removed[$0] }
        for (place, goes) in zip(standing, choose(standing.map { score($0) })) where goes { removed[place] = true }
        for row in 0..<weight.rows {
            for column in columns where removed[row * weight.columns + column] { remove(row, column) }
        }
    }

    private mutating func remove(_ row: Int, _ column: Int) { weight.replace(row, column, by: 0, spreadingBy: factor) }

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
        let ranked = members.map { (rank: rank(row, $0), column: $0) }
            .sorted { ($0.rank.0, $0.rank.1, $0.column) < ($1.rank.0, $1.rank.1, $1.column) }
        for member in ranked.prefix(count) { removed[row * weight.columns + member.column] = true }
    }
}
