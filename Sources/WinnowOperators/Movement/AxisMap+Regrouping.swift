import WinnowGraph

extension AxisMap {
    /// The map of an operator that only merges and splits neighbouring axes: groups of axes with equal products correspond.
    ///
    /// Groups where several axes become several others are opaque; so is everything after a symbol that has no partner.
    static func regrouping(_ source: [Extent], into target: [Extent], otherInputs: [[AxisTerm]] = []) -> AxisMap {
        var inputs = [AxisTerm](repeating: .opaque, count: source.count)
        var outputs = [AxisTerm](repeating: .opaque, count: target.count)
        var extents: [Character: Int] = [:]
        var letters = "abcdefghijklmnopqrstuvwxyz".makeIterator()
        func label(_ extent: Extent) -> Character? {
            guard let letter = letters.next() else { return nil }
            extents[letter] = extent.value
            return letter
        }
        var i = 0
        var o = 0
        while i < source.count, o < target.count {
            if source[i] == target[o], source[i] != .unknown {
                if let letter = label(source[i]) {
                    inputs[i] = .label(letter)
                    outputs[o] = .label(letter)
                }
                i += 1
                o += 1
                continue
            }
            guard let (inputEnd, outputEnd) = equalGroup(source, i, target, o) else { break }
            if outputEnd - o == 1 {
                let letters = (i..<inputEnd).compactMap { label(source[$0]) }
                if letters.count == inputEnd - i {
                    for (axis, letter) in zip(i..<inputEnd, letters) { inputs[axis] = .label(letter) }
                    outputs[o] = .product(letters)
                }
            } else if inputEnd - i == 1 {
                let letters = (o..<outputEnd).compactMap { label(target[$0]) }
                if letters.count == outputEnd - o {
                    for (axis, letter) in zip(o..<outputEnd, letters) { outputs[axis] = .label(letter) }
                    inputs[i] = .product(letters)
                }
            }
            i = inputEnd
            o = outputEnd
        }
        return AxisMap(inputs: [inputs] + otherInputs, outputs: [outputs], extents: extents)
    }

    /// The ends of the shortest groups from `i` and `o` on that have as many elements.
    private static func equalGroup(_ source: [Extent], _ i: Int, _ target: [Extent], _ o: Int) -> (Int, Int)? {
        guard var a = source[i].value, var b = target[o].value, a > 0, b > 0 else { return nil }
        var inputEnd = i + 1
        var outputEnd = o + 1
        while a != b {
            if a < b {
                guard inputEnd < source.count, let next = source[inputEnd].value, next > 0 else { return nil }
                a *= next
                inputEnd += 1
            } else {
                guard outputEnd < target.count, let next = target[outputEnd].value, next > 0 else { return nil }
                b *= next
                outputEnd += 1
            }
        }
        return (inputEnd, outputEnd)
    }
}
