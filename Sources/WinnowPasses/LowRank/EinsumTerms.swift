import WinnowOperators

/// The labels of an Einsum that multiplies data with a weight, as `Einsum.labels(ranks:)` gives them.
struct EinsumTerms {
    var data: [Character]
    var weight: [Character]
    var result: [Character]

    init(data: [Character], weight: [Character], result: [Character]) {
        (self.data, self.weight, self.result) = (data, weight, result)
    }

    /// nil where there are more than two values, or a rank is not known.
    init?(_ einsum: Einsum, ranks: [Int?], weightIndex: Int) {
        guard ranks.count == 2, !ranks.contains(nil), let (operands, result) = try? einsum.labels(ranks: ranks.compactMap { $0 }) else {
            return nil
        }
        self.init(data: operands[1 - weightIndex], weight: operands[weightIndex], result: result)
    }

    func op(weightIndex: Int) -> Einsum { Einsum(weightIndex == 0 ? [weight, data] : [data, weight], result) }

    /// This and one that reads what it gives as one; and the second's weight in the letters of the one. Throws why not.
    func followed(by next: EinsumTerms) throws(Refusal) -> (merged: EinsumTerms, other: [Character]) {
        guard result.count == next.data.count, Set(next.data).count == next.data.count else {
            throw Refusal("the second Einsum takes a diagonal")
        }
        var names = Dictionary(zip(next.data, result), uniquingKeysWith: { first, _ in first })
        guard names.allSatisfy({ $0.key.isNumber == $0.value.isNumber && ($0.key == $0.value || !$0.key.isNumber) }) else {
            throw Refusal("what is ... of one Einsum has letters in the other")
        }
        var taken = Set(data + weight + result)
        for label in next.weight + next.result where names[label] == nil {
            guard let free = ([label] + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").first(where: { !taken.contains($0) }),
                !label.isNumber || free == label
            else { throw Refusal("the Einsums together have more axes than there are letters") }
            names[label] = free
            taken.insert(free)
        }
        let (other, end) = (next.weight.compactMap { names[$0] }, next.result.compactMap { names[$0] })
        let kept = Set(weight + other).intersection(data + end)
        guard weight.contains(where: { !kept.contains($0) }) else { throw Refusal("the second Einsum sums nothing that the first makes") }
        return (EinsumTerms(data: data, weight: Self.joined(weight, other, keeping: kept), result: end), other)
    }

    /// The labels of two weights that are kept: the second's in the first where this summed, if they lie side by side, else the first's in the
    /// second. So factors give back the order that their weight had.
    private static func joined(_ first: [Character], _ second: [Character], keeping kept: Set<Character>) -> [Character] {
        func putting(_ own: [Character], into target: [Character]) -> [Character] {
            let rest = own.filter { kept.contains($0) && !target.contains($0) }
            let place = target.firstIndex { !kept.contains($0) } ?? target.endIndex
            return (target[..<place] + rest + target[place...]).filter { kept.contains($0) }
        }
        let added = second.indices.filter { kept.contains(second[$0]) && !first.contains(second[$0]) }
        let isOnePiece = zip(added, added.dropFirst()).allSatisfy { $0 + 1 == $1 }
        return isOnePiece ? putting(second, into: first) : putting(first, into: second)
    }
}
