/// One axis of an operand in an `AxisMap`.
package indirect enum AxisTerm: Hashable, Sendable {
    /// This axis; the same label anywhere in the map is the same axis.
    case label(Character)
    /// Several axes laid out as one, outermost first: `(gi)`, `(chw)`; `(g.)` where nothing is promised of the inner ones.
    case product([AxisTerm])
    /// Several axes one after the other: `[a+b]`, `[(hd)+(hv)]`.
    case concatenation([AxisTerm])
    /// An axis that no rule may touch: `.`.
    case opaque
    /// Extent 1, broadcast: `1`.
    case one
    /// Any number of axes that no rule may touch, in front of the others: `…`.
    case rest

    package var labels: [Character] {
        switch self {
        case .label(let label): [label]
        case .product(let parts), .concatenation(let parts): parts.flatMap(\.labels)
        case .opaque, .one, .rest: []
        }
    }
}

/// Which axes of an operator's operands are the same axis, as one einsum-like string.
///
/// `"mk, kn -> mn"` is a matrix product. `(ab)` merges axes, `[a+b]` concatenates them, either may have the other in it, `.` is an axis never to be
/// touched, `1` a broadcast axis, `…` leading axes of any number; an empty operand is a scalar or omitted.
///
/// What it promises of a label that inputs have: without one of its indices in every input, that index is gone from every
/// output with the label, and nothing else changes. A label that no output has is summed over: there the same holds for
/// indices at which one of the inputs is 0. Of a `population` the outputs are what they are when only the other indices count.
package struct AxisMap: Hashable, Sendable {
    package var inputs: [[AxisTerm]]
    package var outputs: [[AxisTerm]]
    /// Labels that shapes alone do not tell, as attributes fix them (the number of groups).
    package var extents: [Character: Int]
    /// Labels that count as work but promise nothing: a filter's taps.
    package var pinned: Set<Character> = []
    /// Labels whose indices see each other, though outputs have them: they may go only where the outputs are 0.
    package var summed: Set<Character> = []
    /// Labels over whose indices statistics are taken, a mean or a variance: without some of them, statistics are those of the rest.
    package var population: Set<Character> = []
    /// Labels of whose elements the largest counts: summed over where none is negative, else not to be touched.
    package var largest: Set<Character> = []
    /// Labels that no output has because nothing comes of their elements.
    package var unread: Set<Character> = []
    /// Inputs whose elements are the extents of axes: the target shape of Reshape counts the axes of its result.
    package var inputCounts: [Int: [AxisTerm]] = [:]
    /// Outputs whose elements are the extents of axes: those of Shape.
    package var outputCounts: [Int: [AxisTerm]] = [:]
    /// An axis of the first output of which each index is one of an axis of the first input.
    package var selection: Selection?
    /// Nothing is known: never prune through, report as skipped.
    package let isOpaque: Bool

    package static let opaque = AxisMap()

    private init() {
        inputs = []
        outputs = []
        extents = [:]
        isOpaque = true
    }

    package init(
        inputs: [[AxisTerm]], outputs: [[AxisTerm]], extents: [Character: Int] = [:], pinned: Set<Character> = []
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.extents = extents
        self.pinned = pinned
        isOpaque = false
    }

    /// Reads the string form; a malformed string is opaque.
    package init(_ text: String, extents: [Character: Int] = [:], pinned: String = "") {
        let sides = text.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, sides[0].last == "-" else { self = .opaque; return }
        func operands(_ side: Substring) -> [[AxisTerm]] {
            side.split(separator: ",", omittingEmptySubsequences: false).map { Self.terms($0) }
        }
        self.init(
            inputs: operands(sides[0].dropLast()), outputs: operands(sides[1]), extents: extents, pinned: Set(pinned))
    }

    private static func terms(_ operand: Substring) -> [AxisTerm] {
        var open: [[AxisTerm]] = []
        var terms: [AxisTerm] = []
        func closed(_ term: AxisTerm) { terms = (open.popLast() ?? []) + [term] }
        for character in operand where character != " " && character != "+" {
            switch character {
            case "(", "[":
                open.append(terms)
                terms = []
            case ")": closed(.product(terms))
            case "]": closed(.concatenation(terms))
            case ".": terms.append(.opaque)
            case "1": terms.append(.one)
            case "…": terms.append(.rest)
            default: terms.append(.label(character))
            }
        }
        return terms
    }

    /// The labels that some input has.
    package var inputLabels: Set<Character> { Set(inputs.flatMap { $0.flatMap(\.labels) }) }

    /// The labels that some output has.
    package var outputLabels: Set<Character> { Set(outputs.flatMap { $0.flatMap(\.labels) }) }

    /// The labels that are summed over.
    package var summedLabels: Set<Character> {
        outputCounts.isEmpty ? inputLabels.subtracting(outputLabels).subtracting(unread).subtracting(population).union(summed) : []
    }
}

extension AxisMap: CustomStringConvertible {
    package var description: String {
        guard !isOpaque else { return "opaque" }
        func text(_ operands: [[AxisTerm]]) -> String {
            operands.map { $0.map(\.description).joined() }.joined(separator: ", ")
        }
        return "\(text(inputs)) -> \(text(outputs))"
    }
}

extension AxisTerm: CustomStringConvertible {
    package var description: String {
        switch self {
        case .label(let label): String(label)
        case .product(let parts): "(\(parts.map(\.description).joined()))"
        case .concatenation(let parts): "[\(parts.map(\.description).joined(separator: "+"))]"
        case .opaque: "."
        case .one: "1"
        case .rest: "…"
        }
    }
}
