extension AxisMap {
    /// The first of `outputAxes`: a weight's output channels. nil where the map does not tell.
    ///
    /// - Parameter rank: of the input.
    package func outputAxis(ofInput position: Int, rank: Int) -> Int? { outputAxes(ofInput: position, rank: rank).first }

    /// The axes of an input that are axes of the first output and not of the other of the two operands; if there are none, the first that is
    /// an axis of the output: several where a weight is stacked, as those of experts are. Empty where the map does not tell.
    ///
    /// - Parameter rank: of the input.
    package func outputAxes(ofInput position: Int, rank: Int) -> [Int] {
        guard !isOpaque, inputs.indices.contains(position), let output = outputs.first, let terms = inputs[position].aligned(toRank: rank)
        else { return [] }
        let produced = Set(output.flatMap(\.labels))
        let data = Set(inputs.indices.prefix(2).filter { $0 != position }.flatMap { inputs[$0].flatMap(\.labels) })
        let candidates = terms.indices.filter { terms[$0].isMade(of: produced) }
        let own = candidates.filter { !data.isSuperset(of: terms[$0].labels) }
        return own.isEmpty ? Array(candidates.prefix(1)) : own
    }

    /// The axis of an input that it shares with the other of the two operands and not with the first output: what is summed over. nil
    /// where the map does not tell.
    ///
    /// - Parameter rank: of the input.
    package func summedAxis(ofInput position: Int, rank: Int) -> Int? {
        guard !isOpaque, inputs.indices.contains(position), let output = outputs.first, let terms = inputs[position].aligned(toRank: rank)
        else { return nil }
        let produced = Set(output.flatMap(\.labels))
        let data = Set(inputs.indices.prefix(2).filter { $0 != position }.flatMap { inputs[$0].flatMap(\.labels) })
        return terms.indices.first { axis in
            let labels = Set(terms[axis].labels)
            return !labels.isEmpty && data.isSuperset(of: labels) && !produced.isSuperset(of: labels)
        }
    }
}

extension AxisTerm {
    /// Whether axes of an output make the axis, or one of several laid out one after the other.
    fileprivate func isMade(of produced: Set<Character>) -> Bool {
        guard case .concatenation(let parts) = self else { return !labels.isEmpty && produced.isSuperset(of: labels) }
        return parts.contains { $0.isMade(of: produced) }
    }
}
