import WinnowGraph

/// Which outputs of two models belong together: those of one name, then the others one to one where their types fit, at the same place first;
/// at last those at the same place, whatever they are.
struct OutputPairs {
    struct Pair {
        let own: ValueName
        /// The other model's output, and its place among that model's outputs.
        let other: ValueName
        let place: Int
        /// Whether both have one type, as far as it is known.
        let fits: Bool
    }

    /// In the order of the model's outputs.
    private(set) var pairs: [Pair] = []

    init(of model: Graph, and other: Graph) {
        let (own, others) = (model.computedOutputs, other.computedOutputs)
        var partners = [Int?](repeating: nil, count: own.count)
        var open = Set(others.indices)
        func fits(_ index: Int, _ place: Int) -> Bool {
            guard let type = model.infos[own[index]]?.type, let wanted = other.infos[others[place]]?.type else { return true }
            return type.accepts(wanted)
        }
        func pair(_ choose: (Int) -> Int?) {
            for index in own.indices where partners[index] == nil {
                guard let place = choose(index) else { continue }
                partners[index] = place
                open.remove(place)
            }
        }
        pair { index in others.firstIndex(of: own[index]).flatMap { open.contains($0) && fits(index, $0) ? $0 : nil } }
        pair { index in open.contains(index) && fits(index, index) ? index : nil }
        pair { index in open.sorted().first { fits(index, $0) } }
        pair { index in open.contains(index) ? index : nil }
        pairs = own.indices.compactMap { index in
            partners[index].map { Pair(own: own[index], other: others[$0], place: $0, fits: fits(index, $0)) }
        }
    }

    /// The other model's output for one of the model's.
    subscript(output: ValueName) -> Pair? { pairs.first { $0.own == output } }
}
