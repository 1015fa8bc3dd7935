import WinnowGraph

extension AxisMap {
    /// The map of an operator that only merges and splits neighbouring axes: cut into the pieces that both shapes have in
    /// common. Axes for which there are none are opaque.
    static func regrouping(_ source: [Extent], into target: [Extent], otherInputs: [[AxisTerm]] = []) -> AxisMap {
        var cutter = AxisCutter(source, target)
        cutter.cut()
        var terms = cutter.terms
        // A piece of an axis that turned out opaque says nothing of its partner either.
        while true {
            let shared = Set(terms.source.flatMap(\.labels)).intersection(terms.target.flatMap(\.labels))
            func isKnown(_ term: AxisTerm) -> Bool { shared.isSuperset(of: term.labels) }
            if (terms.source + terms.target).allSatisfy(isKnown) { break }
            terms = (terms.source.map { isKnown($0) ? $0 : .opaque }, terms.target.map { isKnown($0) ? $0 : .opaque })
        }
        return AxisMap(inputs: [terms.source] + otherInputs, outputs: [terms.target])
    }
}

/// Cuts the axes of two shapes with as many elements into pieces that both have.
private struct AxisCutter {
    /// The axes of one shape.
    private struct Side {
        let extents: [Extent]
        /// What is not yet cut off each axis; 1 where nothing is left.
        var left: [Extent]
        /// The pieces cut off the front and the back of each axis.
        var front: [[Character]]
        var back: [[Character]]
        var isOpaque: [Bool]

        init(_ extents: [Extent]) {
            self.extents = extents
            left = extents
            front = extents.map { _ in [] }
            back = front
            isOpaque = extents.map { _ in false }
        }

        /// The axes with something left.
        var open: [Int] { left.indices.filter { left[$0] != .fixed(1) && !isOpaque[$0] } }

        mutating func close(_ axes: some Sequence<Int>) { for axis in axes { isOpaque[axis] = true } }

        mutating func cut(_ piece: Character, off axis: Int, leaving rest: Extent, isBehind: Bool) {
            if isBehind { back[axis].insert(piece, at: 0) } else { front[axis].append(piece) }
            left[axis] = rest
        }

        var terms: [AxisTerm] {
            extents.indices.map { axis in
                let pieces = front[axis] + back[axis]
                if isOpaque[axis] { return .opaque }
                return pieces.isEmpty ? (extents[axis] == .fixed(1) ? .one : .opaque)
                    : pieces.count == 1 ? .label(pieces[0]) : .product(pieces.map { .label($0) })
            }
        }
    }

    private var source: Side
    private var target: Side
    private var letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".makeIterator()

    init(_ source: [Extent], _ target: [Extent]) {
        self.source = Side(source)
        self.target = Side(target)
    }

    var terms: (source: [AxisTerm], target: [AxisTerm]) { (source.terms, target.terms) }

    mutating func cut() {
        while cutOff(isBehind: false) {}
        while cutOff(isBehind: true) {}
        merge()
        source.close(source.open)
        target.close(target.open)
    }

    /// Cuts one piece off the first (or last) axes that have something left; false where they share none.
    private mutating func cutOff(isBehind: Bool) -> Bool {
        guard let i = isBehind ? source.open.last : source.open.first, let o = isBehind ? target.open.last : target.open.first
        else { return false }
        let (a, b) = (source.left[i], target.left[o])
        var (restOfA, restOfB) = (Extent.fixed(1), Extent.fixed(1))
        if a == b, a != .unknown {
        } else if let x = a.value, let y = b.value, x > 0, y > 0 {
            if x % y == 0 { restOfA = .fixed(x / y) } else if y % x == 0 { restOfB = .fixed(y / x) } else {
                return skip(isBehind: isBehind)
            }
        } else if let rest = Self.quotient(a, b) {
            restOfA = rest
        } else if let rest = Self.quotient(b, a) {
            restOfB = rest
        } else {
            return false
        }
        guard let piece = letters.next() else { return false }
        source.cut(piece, off: i, leaving: restOfA, isBehind: isBehind)
        target.cut(piece, off: o, leaving: restOfB, isBehind: isBehind)
        return true
    }

    /// What is left of an axis of a multiple of open extents; nil unless it is certain: 4 of 4·N by N.
    private static func quotient(_ whole: Extent, _ piece: Extent) -> Extent? {
        let rest = try? ExtentProduct([whole]).divided(by: ExtentProduct([piece]))
        return rest == .unknown ? nil : rest
    }

    /// Closes the shortest groups of axes with as many elements.
    private mutating func skip(isBehind: Bool) -> Bool {
        let (inputs, outputs) = isBehind ? (source.open.reversed(), target.open.reversed()) : (source.open, target.open)
        var (i, o) = (0, 0)
        var (x, y) = (1, 1)
        repeat {
            if x <= y {
                guard i < inputs.count, let next = source.left[inputs[i]].value else { return false }
                x *= next
                i += 1
            } else {
                guard o < outputs.count, let next = target.left[outputs[o]].value else { return false }
                y *= next
                o += 1
            }
        } while x != y
        source.close(inputs[..<i])
        target.close(outputs[..<o])
        return true
    }

    /// What is left of one side is the product of what is left of the other, where one of them is a single axis.
    private mutating func merge() {
        let (inputs, outputs) = (source.open, target.open)
        guard inputs.count == 1 || outputs.count == 1, !inputs.isEmpty, !outputs.isEmpty else { return }
        for (i, o) in inputs.flatMap({ i in outputs.map { (i, $0) } }) {
            guard let piece = letters.next() else { return }
            let (a, b) = (source.left[i], target.left[o])
            let isLast = inputs.count == 1 ? o == outputs.last : i == inputs.last
            // The single axis keeps something open until its last piece is cut.
            source.cut(piece, off: i, leaving: inputs.count == 1 && !isLast ? a : 1, isBehind: false)
            target.cut(piece, off: o, leaving: outputs.count == 1 && !isLast ? b : 1, isBehind: false)
        }
    }
}
