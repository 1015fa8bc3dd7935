/// Which inputs of an operator are zero at some indices of one of its labels. Codes count as the number they stand for.
package struct Zeros: Sendable {
    package var inputs: [ValueInfo?]
    /// The inputs that have the label.
    package var bearers: Set<Int>
    /// Those that are zero there; one that is zero altogether need not have the label.
    package var indices: Set<Int>

    package init(at indices: Set<Int>, of bearers: Set<Int>, inputs: [ValueInfo?]) {
        self.indices = indices
        self.bearers = bearers
        self.inputs = inputs
    }

    /// Whether the input is zero there.
    package func are(at index: Int) -> Bool { indices.contains(index) }

    /// Whether the input is zero there or left out.
    package func areOrAbsent(at index: Int) -> Bool { are(at: index) || index >= inputs.count || inputs[index] == nil }

    /// Of a product of inputs 0 and 1 to which the others are added.
    package var effectOnProduct: ZeroEffect {
        (are(at: 0) || are(at: 1)) && inputs.indices.dropFirst(2).allSatisfy { areOrAbsent(at: $0) } ? .zero : .number
    }

    /// Whether all inputs that are given are zero there.
    package var areEverywhere: Bool { inputs.indices.allSatisfy { areOrAbsent(at: $0) } }
}

/// What an operator makes of zeros.
package enum ZeroEffect: Sendable, Hashable {
    case zero
    /// Any finite number.
    case number
    /// Infinity or NaN: zero divides.
    case undefined
}
