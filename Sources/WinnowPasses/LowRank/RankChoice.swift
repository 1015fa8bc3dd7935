import WinnowKernels
import WinnowTensor

/// How large the ranks of factors are.
public struct RankChoice: HyperparameterGroup {
    @Hyperparameter("how the rank of a layer is found: energy, or evbmf, which takes what stands out of noise")
    public var ranks: Chosen<RankRules> = "energy"
    @Hyperparameter(
        "part of the squared singular values to keep", in: 0...1,
        counts: .with("ranks", ["energy"]), .absent("rank-fraction"), .absent("rank"), .absent("size"), .absent("max-drop"))
    public var energy = 0.9
    @Hyperparameter("rank as a fraction of the full rank, instead of energy", in: 0...1) public var rankFraction:
        Double? = nil
    @Hyperparameter("rank of every layer, instead of energy", in: 1...1e9) public var rank: Int? = nil
    @Hyperparameter(
        """
        part of the model's cost that may be left: ranks of all layers together, those components going first that lose least \
        energy for what they cost; none: each layer by itself
        """, in: 0...1)
    public var size: Double? = nil
    @Hyperparameter("what size is a part of", counts: .given(["size", "max-drop"])) public var budget = ModelCost.macs
    @Hyperparameter(
        "points that validation accuracy or agreement may drop, or a metric in its unit: the smallest size with which it holds",
        in: 0...1e6)
    public var maxDrop: Double? = nil
    @Hyperparameter(
        "matrices with more rows and columns than this are decomposed by random projections where their rank is given",
        in: 1...1e9)
    public var largestExact = 4096
    @Hyperparameter("ranks are multiples of this; 0: of what kernels on this machine compute at once", in: 0...1024)
    public var roundTo = 1

    public init() {}

    private var multiple: Int { roundTo == 0 ? KernelWidth.channels : roundTo }

    /// Whether ranks of all layers are found together.
    var countsWholeModel: Bool { size != nil || maxDrop != nil }

    /// Throws `.recipe` where two ways to find ranks are set.
    func check() throws {
        let set = [
            ranks == "energy" ? nil : "ranks", rankFraction.map { _ in "rank-fraction" }, rank.map { _ in "rank" },
            countsWholeModel ? size == nil ? "max-drop" : "size" : nil,
        ].compactMap { $0 }
        guard set.count < 2 else {
            throw WinnowError(.recipe, set[1], "and \(set[0]) both say how large ranks are", remedy: "set one of them")
        }
    }

    /// How many components of a matrix will do, where they are few of many; nil: all are wanted.
    func leading(of matrix: Shape) -> Int? {
        let full = min(matrix.dropLast().reduce(1, *), matrix[matrix.rank - 1])
        guard full > largestExact, !countsWholeModel else { return nil }
        let wanted = rank ?? rankFraction.map { Int(($0 * Double(full)).rounded()) }
        return wanted.map { min(full, max(1, $0) + multiple) }.flatMap { $0 < full / 2 ? $0 : nil }
    }

    /// What a layer by itself gets, before rounding.
    func ranks(for spectra: [Spectrum]) -> [Int] {
        spectra.map { spectrum in
            let wanted = rank ?? rankFraction.map { Int(($0 * Double(spectrum.count)).rounded()) }
            return min(spectrum.count, max(1, wanted ?? ranks.member.rank(of: spectrum, energy: energy)))
        }
    }

    /// Multiples, rounded up where that pays, else down.
    func rounded(_ ranks: [Int], of layer: FactorizedWeight) -> [Int] {
        guard multiple > 1 else { return ranks }
        let full = layer.decomposition.fullRanks
        func multiples(_ round: FloatingPointRoundingRule) -> [Int] {
            zip(ranks, full).map { rank, full in
                min(full, max(1, Int((Double(rank) / Double(multiple)).rounded(round))) * multiple)
            }
        }
        let upper = multiples(.up)
        return layer.objection(to: upper) == nil ? upper : multiples(.down)
    }
}
