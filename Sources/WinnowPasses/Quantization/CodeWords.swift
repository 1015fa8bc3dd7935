import WinnowKernels
package import WinnowTensor

/// What codes stand for where each of a weight's channels has a palette of its own, or shares one with its neighbours, or where a code
/// stands for several numbers along the sum (product quantization): rows of a table.
package struct CodeWords: Sendable, Equatable {
    /// The words of all palettes one after the other, each with its numbers, float32.
    package let table: Tensor
    /// The first word of each channel's palette, (channels, 1) int32; nil: all channels have one palette.
    package let firsts: Tensor?
    /// The weight's axis of channels. Codes lie as (channels, words a channel); what is left of the weight's axes is in their order.
    package let axis: Int

    /// The numbers of a word.
    package var width: Int { table.shape[1] }
    package var byteCount: Int { table.byteCount + (firsts?.byteCount ?? 0) }

    /// The weight's axes with that of channels first.
    static func order(_ axis: Int, rank: Int) -> [Int] { [axis] + (0..<rank).filter { $0 != axis } }

    /// Where each of the weight's axes is in that order.
    static func inverse(_ axis: Int, rank: Int) -> [Int] { (0..<rank).map { $0 == axis ? 0 : $0 < axis ? $0 + 1 : $0 } }

    /// The numbers that some of the elements of a weight are.
    func numbers(of codes: Tensor, _ shape: Shape, in piece: Range<Int>) -> [Double] {
        let (inner, channels) = (shape.strides[axis], shape[axis])
        let (bits, perChannel) = (codes.elementType.bitWidth, codes.shape[1])
        let firsts = firsts?.integers()
        return table.withElements(Float.self) { table in
            codes.withUnsafeBytes { bytes in
                piece.map { element in
                    let channel = element / inner % channels
                    let place = element / (inner * channels) * inner + element % inner
                    let code = channel * perChannel + place / width
                    let word = Int(bytes[code * bits / 8] >> UInt8(code * bits % 8)) & (1 << bits - 1)
                    return Double(table[((firsts?[channel] ?? 0) + word) * width + place % width])
                }
            }
        }
    }
}

/// How palettes are found: how many numbers each has, what shares one, and how many numbers an index stands for.
struct PaletteForm {
    let bits: Int
    /// Output channels that share a palette; 0: all.
    let groupSize: Int
    /// Numbers along the sum for one index.
    let vectorSize: Int
    let start: Palette.Start
    let seed: UInt64

    /// A float32 weight as indices of palettes, and why an index stands for fewer numbers than was asked for.
    ///
    /// - Parameters:
    ///   - counts: what the squared error of each number counts; nil: 1.
    ///   - channelAxis: nil: the layer does not tell it.
    func encoded(_ weight: Tensor, counts: [Float]?, channelAxis: Int?) -> (encoded: EncodedWeight, reason: String?) {
        guard groupSize > 0 || vectorSize > 1, weight.rank > 1, let axis = channelAxis else {
            let reason = groupSize > 0 || vectorSize > 1 ? "one palette of numbers: its axes do not tell the channels" : nil
            return (encoded(weight.floats(), counts, weight.shape), reason)
        }
        let order = CodeWords.order(axis, rank: weight.rank)
        let rows = weight.transposed(order).floats()
        let turned = counts.map { Tensor($0, shape: weight.shape).transposed(order).floats() }
        let (channels, length) = (weight.shape[axis], rows.count / weight.shape[axis])
        let width = (1...vectorSize).last { length % $0 == 0 } ?? 1
        let group = groupSize > 0 ? min(groupSize, channels) : channels
        var (table, codes, firsts): ([Float], [UInt8], [Int32]) = ([], [], [])
        var largest = 0
        for first in stride(from: 0, to: channels, by: group) {
            let own = (first * length)..<(min(first + group, channels) * length)
            let (words, indices) = found(Array(rows[own]), turned.map { Array($0[own]) }, width)
            firsts += [Int32](repeating: Int32(table.count / width), count: own.count / length)
            largest = max(largest, words.count / width)
            table += words
            codes += indices
        }
        let words = CodeWords(
            table: Tensor(table, shape: [table.count / width, width]).spilled(),
            firsts: group < channels ? Tensor(firsts, shape: [channels, 1]) : nil, axis: axis)
        let stored = Tensor(codes: codes, shape: [channels, length / width], largest <= 16 ? .uint4 : .uint8).spilled()
        let reason = width < vectorSize ? "vectors of \(width): \(vectorSize) do not divide the \(length) weights of an output" : nil
        return (EncodedWeight(codes: stored, shape: weight.shape, .words(words)), reason)
    }

    private func found(_ values: [Float], _ counts: [Float]?, _ width: Int) -> (words: [Float], codes: [UInt8]) {
        let counts = counts.flatMap { $0.contains { $0 > 0 } ? $0 : nil }
        guard width == 1 else {
            let palette = VectorPalette(of: values, weights: counts, width: width, levelCount: 1 << bits, seed: seed)
            return (palette.words, palette.codes)
        }
        let palette = palette(of: values, counts)
        return (palette.levels, values.map { UInt8(palette.index(nearest: $0)) })
    }

    private func encoded(_ values: [Float], _ counts: [Float]?, _ shape: Shape) -> EncodedWeight {
        let palette = palette(of: values, counts.flatMap { $0.contains { $0 > 0 } ? $0 : nil })
        return EncodedWeight(codes: values.map { UInt8(palette.index(nearest: $0)) }, form: shape, shape: shape, table: palette.levels)
    }

    private func palette(of values: [Float], _ counts: [Float]?) -> Palette {
        let fixed: Float? = values.contains(0) ? 0 : nil
        guard let counts else { return Palette(of: values, levelCount: 1 << bits, start: start, fixed: fixed) }
        return Palette(of: values, weights: counts, levelCount: 1 << bits, start: start, fixed: fixed)
    }
}
