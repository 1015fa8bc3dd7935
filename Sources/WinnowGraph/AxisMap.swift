/// One axis of an operand in an `AxisMap`.
package enum AxisTerm: Hashable, Sendable {
    /// This axis; the same label anywhere in the map is the same axis.
    case label(Character)
    /// Several axes laid out as one, outermost first: `(gi)`, `(chw)`.
    case product([Character])
    /// Several axes one after the other: `[a+b]`.
    case concatenation([Character])
    /// An axis that no rule may touch: `.`.
    case opaque
    /// Extent 1, broadcast: `1`.
    case one

    package var labels: [Character] {
        switch self {
        case .label(let label): [label]
        case .product(let labels), .concatenation(let labels): labels
        case .opaque, .one: []
        }
    }
}

/// Which axes of an operator's operands are the same axis, as one einsum-like string.
///
/// `"mk, kn -> mn"` is a matrix product. `(ab)` merges axes, `[a+b]` concatenates them, `.` is an axis never to be
/// touched, `1` a broadcast axis; an empty operand is a scalar or omitted. `extents` fixes labels that shapes alone do
/// not tell (the number of groups).
package struct AxisMap: Hashable, Sendable {
    package var inputs: [[AxisTerm]]
    package var outputs: [[AxisTerm]]
    package var extents: [Character: Int]
    /// Nothing is known: never prune through, report as skipped.
    package let isOpaque: Bool

    package static let opaque = AxisMap()

    private init() {
        inputs = []
        outputs = []
        extents = [:]
        isOpaque = true
    }

    package init(inputs: [[AxisTerm]], outputs: [[AxisTerm]], extents: [Character: Int] = [:]) {
        self.inputs = inputs
        self.outputs = outputs
        self.extents = extents
        isOpaque = false
    }

    /// Reads the string form; a malformed string is opaque.
    package init(_ text: String, extents: [Character: Int] = [:]) {
        let sides = text.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, sides[0].last == "-" else { self = .opaque; return }
        func operands(_ side: Substring) -> [[AxisTerm]] {
            side.split(separator: ",", omittingEmptySubsequences: false).map { Self.terms($0) }
        }
        self.init(inputs: operands(sides[0].dropLast()), outputs: operands(sides[1]), extents: extents)
    }

    private static func terms(_ operand: Substring) -> [AxisTerm] {
        var terms: [AxisTerm] = []
        var group: [Character]?
        for character in operand where character != " " && character != "+" {
            switch character {
            case "(", "[": group = []
            case ")": terms.append(.product(group ?? [])); group = nil
            case "]": terms.append(.concatenation(group ?? [])); group = nil
            default:
                if group != nil { group?.append(character) }
                else { terms.append(character == "." ? .opaque : character == "1" ? .one : .label(character)) }
            }
        }
        return terms
    }

    /// `"abcd, abcd -> abcd"`: elementwise work on operands of these ranks, aligned at the last axis. Extents of 1 where the
    /// output has more are broadcast.
    package static func elementwise(inputs: [ValueInfo?], outputRank: Int) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard outputRank <= letters.count else { return .opaque }
        let labels = Array(letters[..<outputRank])
        let extents = inputs.compactMap { $0?.extents }
        let terms = inputs.map { input -> [AxisTerm]? in
            guard let input else { return [] }
            guard let own = input.extents, own.count <= outputRank else { return nil }
            return own.indices.map { axis in
                let position = outputRank - own.count + axis
                let isBroadcast = own[axis] == .fixed(1) && extents.contains { other in
                    let index = position - (outputRank - other.count)
                    return index >= 0 && index < other.count && other[index] != .fixed(1)
                }
                return isBroadcast ? .one : .label(labels[position])
            }
        }
        guard !terms.contains(where: { $0 == nil }) else { return .opaque }
        return AxisMap(inputs: terms.compactMap { $0 }, outputs: [labels.map { .label($0) }])
    }

    /// The number behind every label, from the shapes of inputs and outputs; nil where shapes contradict the map.
    package func solve(inputs shapes: [[Int]?], outputs outputShapes: [[Int]?]) -> [Character: Int]? {
        guard !isOpaque else { return nil }
        var known = extents
        let operands = Array(zip(inputs + outputs, shapes + outputShapes))
        for (terms, shape) in operands {
            guard let shape, !terms.isEmpty || shape.isEmpty else { continue }
            guard terms.count == shape.count else { return nil }
            for case (.label(let label), let extent) in zip(terms, shape) {
                if let other = known[label], other != extent { return nil }
                known[label] = extent
            }
        }
        for (terms, shape) in operands {
            guard let shape, terms.count == shape.count else { continue }
            for (term, extent) in zip(terms, shape) {
                guard let isProduct = term.isComposite else { continue }
                let missing = term.labels.filter { known[$0] == nil }
                if missing.count == 1 {
                    let rest = term.labels.compactMap { known[$0] }.reduce(isProduct ? 1 : 0, isProduct ? (*) : (+))
                    guard !isProduct || (rest > 0 && extent % rest == 0) else { return nil }
                    known[missing[0]] = isProduct ? extent / rest : extent - rest
                }
            }
        }
        return known
    }
}

extension AxisTerm {
    /// true for a product, false for a concatenation, nil for a plain axis.
    fileprivate var isComposite: Bool? {
        switch self {
        case .product: true
        case .concatenation: false
        default: nil
        }
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
        case .product(let labels): "(\(String(labels)))"
        case .concatenation(let labels): "[\(labels.map { String($0) }.joined(separator: "+"))]"
        case .opaque: "."
        case .one: "1"
        }
    }
}
