import Testing
import WinnowKernels
import WinnowTensor

@Suite struct VectorPaletteTests {
    private static func values(_ count: Int, zeros: Bool = false) -> [Float] {
        var random = RandomGenerator(seed: 7)
        return (0..<count).map { _ in let value = random.normal(); return zeros && random.uniform() < 0.4 ? 0 : value }
    }

    /// Every vector has the nearest of the words that its zeros allow, and every word is the mean of its vectors where it is not zero.
    @Test(arguments: [1, 2, 4, 5], [false, true]) func everyWordIsTheMeanOfItsVectors(width: Int, hasZeros: Bool) {
        let values = Self.values(width * 400, zeros: hasZeros)
        let palette = VectorPalette(of: values, width: width, levelCount: 8, seed: 3, iterationLimit: 300)
        #expect(palette.count == 8 && palette.codes.count == 400)
        func allows(_ word: Int, _ vector: Int) -> Bool {
            (0..<width).allSatisfy { values[vector * width + $0] != 0 || palette.words[word * width + $0] == 0 }
        }
        func distance(_ word: Int, _ vector: Int) -> Double {
            (0..<width).reduce(0) { sum, place in
                let difference = Double(values[vector * width + place]) - Double(palette.words[word * width + place])
                return sum + difference * difference
            }
        }
        for vector in 0..<400 {
            let word = Int(palette.codes[vector])
            #expect(allows(word, vector))
            for other in 0..<8 where allows(other, vector) { #expect(distance(word, vector) <= distance(other, vector) + 1e-5) }
        }
        for word in 0..<8 {
            let own = (0..<400).filter { palette.codes[$0] == word }
            for place in 0..<width where palette.words[word * width + place] != 0 && !own.isEmpty {
                let mean = own.reduce(0) { $0 + Double(values[$1 * width + place]) } / Double(own.count)
                #expect(abs(mean - Double(palette.words[word * width + place])) < 1e-4)
            }
        }
    }

    @Test func fewVectorsAreTheWords() {
        let values: [Float] = [1, 2, 3, 4, 1, 2, 0, 5, 3, 4]
        let palette = VectorPalette(of: values, width: 2, levelCount: 8)
        #expect(palette.count == 4)
        #expect((0..<5).allSatisfy { vector in (0..<2).allSatisfy { palette.words[Int(palette.codes[vector]) * 2 + $0] == values[vector * 2 + $0] } })
        #expect(VectorPalette(of: [], width: 3, levelCount: 4).codes.isEmpty)
    }

    /// Weights count as repetitions, and more words never lose more.
    @Test func weightsCount() {
        let values = Self.values(2 * 300)
        let weights = values.indices.map { Float($0 / 2 % 3) }
        let palette = VectorPalette(of: values, weights: weights, width: 2, levelCount: 4, iterationLimit: 300)
        for word in 0..<4 {
            let own = (0..<300).filter { palette.codes[$0] == word }
            let mass = own.reduce(0) { $0 + Double(weights[2 * $1]) }
            let mean = own.reduce(0) { $0 + Double(weights[2 * $1] * values[2 * $1]) } / mass
            #expect(abs(mean - Double(palette.words[2 * word])) < 1e-4)
        }
        func error(_ count: Int) -> Double {
            let palette = VectorPalette(of: values, width: 2, levelCount: count)
            return values.indices.reduce(0) { sum, place in
                let difference = Double(values[place] - palette.words[Int(palette.codes[place / 2]) * 2 + place % 2])
                return sum + difference * difference
            }
        }
        #expect(error(4) > error(16) && error(16) > error(64))
        #expect(VectorPalette(of: values, width: 2, levelCount: 9, seed: 1) == VectorPalette(of: values, width: 2, levelCount: 9, seed: 1))
    }
}
