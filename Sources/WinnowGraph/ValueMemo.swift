import Synchronization

/// What was found out about the values of a graph that does not change.
final class ValueMemo<Answer: Sendable>: Sendable {
    private let answers = Mutex<[ValueName: Answer]>([:])

    subscript(value: ValueName) -> Answer? {
        get { answers.withLock { $0[value] } }
        set { answers.withLock { $0[value] = newValue } }
    }
}

extension GraphIndex {
    /// What `answer` finds out about the node that makes a value as its first output; nil where there is none.
    ///
    /// The nodes before it are asked first, each once: questions neither nest as deep as a chain is long, nor double where its
    /// branches meet again.
    func remembered<Answer: Sendable>(_ value: ValueName?, in memo: ValueMemo<Answer>, _ answer: (Node) -> Answer) -> Answer? {
        guard let value else { return nil }
        if let known = memo[value] { return known }
        for place in unanswered(before: value, in: memo) {
            if let output = graph.nodes[place].output(0) { memo[output] = answer(graph.nodes[place]) }
        }
        return memo[value]
    }

    /// The nodes that a value depends on and nobody has asked, in topological order.
    private func unanswered(before value: ValueName, in memo: ValueMemo<some Sendable>) -> [Int] {
        var (found, waiting): (Set<Int>, [ValueName]) = ([], [value])
        while let next = waiting.popLast() {
            guard let place = place(ofProducerOf: next), !found.contains(place) else { continue }
            if let first = graph.nodes[place].output(0), memo[first] != nil { continue }
            found.insert(place)
            waiting += graph.nodes[place].inputs
        }
        return found.sorted()
    }
}
