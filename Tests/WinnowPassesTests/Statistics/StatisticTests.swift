import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct StatisticTests {
    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var random = RandomGenerator(seed: seed)
        return (0..<count).map { _ in random.normal() }
    }

    private func added<Kind: Statistic>(_ statistic: Kind, _ values: [Float], _ shape: Shape) -> Kind {
        var result = statistic
        values.withUnsafeBufferPointer { result.add($0, shape: shape) }
        return result
    }

    /// In two parts merged as in one.
    @Test func partsMerge() throws {
        let (first, second) = (numbers(240, seed: 1), numbers(240, seed: 2).map { 3 * $0 })
        let shape: Shape = [4, 5, 12]
        var moments = added(ChannelMoments(axis: 1), first, shape)
        moments.merge(added(ChannelMoments(axis: 1), second, shape))
        let whole = added(added(ChannelMoments(axis: 1), first, shape), second, shape)
        #expect(moments.count == whole.count && moments.count == 96)
        for (a, b) in zip(moments.sums + moments.squares, whole.sums + whole.squares) { #expect(abs(a - b) < 1e-9) }

        var range = added(ObservedRange(.growing), first, shape)
        range.merge(added(ObservedRange(.growing), second, shape))
        let all = added(added(ObservedRange(.growing), first, shape), second, shape)
        #expect(range.whole == all.whole)
        let counts = try #require(range.histogram?.counts)
        #expect(counts.reduce(0, +) == 480)
    }

    /// Of tokens the smallest and largest numbers count once each, however the data comes in parts: what one token has beyond the others goes.
    @Test func tokensCountOnce() throws {
        var values = numbers(200 * 16, seed: 4)
        for place in 0..<8 { values[37 * 16 + place] = 1000 }
        let whole = added(TokenExtremes(), values, [10, 20, 16])
        var parts = added(TokenExtremes(), Array(values[..<1600]), [5, 20, 16])
        parts.merge(added(TokenExtremes(), Array(values[1600...]), [5, 20, 16]))
        for extremes in [whole, parts] {
            let all = try #require(extremes.range(percentile: 100))
            #expect(all.upperBound >= 1000 && all.lowerBound <= (values.min() ?? 0) + 1)
        }
        var plain = ObservedRange([.growing])
        values.withUnsafeBufferPointer { plain.add($0, shape: [$0.count]) }
        plain.tokens = whole
        let cut = try #require(TokenPercentileRange(percentile: 99).range(of: plain, for: .uint8))
        // The bins of 1000 / 2048 tell the end to a bin.
        #expect(cut.upperBound < 6 && cut.upperBound > 2)
        #expect(try #require(PercentileRange(percentile: 99.8).range(of: plain, for: .uint8)).upperBound >= 1000)
    }

    /// The same for what is learned of gradients, of activations and of rows.
    @Test func otherPartsMerge() throws {
        let (first, second) = (numbers(240, seed: 1), numbers(240, seed: 2).map { max(0, $0) })
        let shape: Shape = [4, 5, 12]
        var elements = added(ElementMoments(), first, shape)
        elements.merge(added(ElementMoments(), second, shape))
        let whole = added(added(ElementMoments(), first, shape), second, shape)
        #expect(elements.count == 2 && elements.sums == whole.sums && elements.squares == whole.squares)
        #expect(zip(first, second).enumerated().allSatisfy { abs(whole.sums[$0] - $1.0 - $1.1) < 1e-5 })

        var activity = added(ChannelActivity(axis: -2, extent: 5), first, shape)
        activity.merge(added(ChannelActivity(axis: 1, extent: 5), second, shape))
        let zeros = (0..<240).filter { $0 / 12 % 5 == 2 && second[$0] == 0 }.count
        #expect(zeros > 0 && abs(activity.zeroParts[2] - Double(zeros) / 96) < 1e-9)
        let magnitude = (0..<240).filter { $0 / 12 % 5 == 2 }.reduce(0) { $0 + Double(abs(first[$1]) + second[$1]) }
        #expect(abs(activity.meanMagnitudes[2] - magnitude / 96) < 1e-6)

        var minima = added(ChannelMinima(axis: -2), first, shape)
        minima.merge(added(ChannelMinima(axis: 1), second, shape))
        #expect(minima.minima == (0..<5).map { row in (0..<240).filter { $0 / 12 % 5 == row }.map { min(first[$0], second[$0]) }.min() })

        let weight = numbers(240, seed: 3)
        let channels = (0..<240).map { Int32($0 % 3) - 1 }
        var products = added(GatedProducts(weight, channels, count: 2), first, shape)
        products.merge(added(GatedProducts(weight, channels, count: 2), second, shape))
        let own = (0..<240).filter { channels[$0] == 1 }
        let wanted = [first, second].map { values in own.reduce(0) { $0 + Double(weight[$1] * values[$1]) } }
        let square = (wanted[0] * wanted[0] + wanted[1] * wanted[1]) / 2
        #expect(abs(products.meanSquares[1] - square) < 1e-4 * square)
    }

    @Test func momentsAreThoseOfTheAxis() {
        let moments = added(ChannelMoments(axis: -1), [1, 10, 2, 20, 3, 30], [3, 2])
        #expect(moments.means == [2, 20] && moments.norms == [Double(14).squareRoot(), Double(1400).squareRoot()])
    }

    /// The rows that a weight meets: their products with it are the layer's outputs, with taps, strides, groups and transposed.
    @Test func rowsTimesWeightIsTheLayer() throws {
        let makers = [Zoo.conv1d, Zoo.conv3d, Zoo.scaling, RoundingModels.grouped, RoundingModels.left, { try TestModels.convolutional() }]
        var seen = 0
        for make in makers {
            let graph = try make()
            for site in graph.weightSites {
                try check(site, in: graph)
                seen += 1
            }
        }
        #expect(seen == 18)
    }

    private func check(_ site: WeightSite, in graph: Graph) throws {
        let contraction = try #require(Contraction(site, in: graph))
        let weight = try #require(graph.initializers[site.tensor])
        let matrix = contraction.matrix(of: weight)
        #expect(contraction.weight(of: matrix) == weight && contraction.places.map { weight.floats()[$0] } == matrix.elements)
        let source = Shape((graph.infos[contraction.data]?.extents ?? []).enumerated().map { $1.value ?? ($0 == 0 ? 3 : 7) })
        let values = numbers(source.elementCount, seed: 4)
        let b = GraphBuilder("layer")
        let x = try b.input("x", .float32, source.map { .fixed($0) })
        let w = b.constant("w", weight)
        let y = try b.add(site.node.op, inputs: site.inputIndex == 0 ? [w, x] : [x, w])[0]
        let expected = try #require(Session(b.graph(outputs: [y])).run(["x": Tensor(values, shape: source)])[y])
        // Outputs last, as rows have them.
        let axis = source.rank + contraction.dataAxis
        let order = (0..<expected.rank).filter { $0 != axis } + [axis]
        let wanted = expected.transposed(order).floats()
        let (depth, outputs) = (contraction.depth, contraction.outputCount)
        var rows = 0
        values.withUnsafeBufferPointer { values in
            contraction.forEachRows(of: values, shape: source) { block in
                for row in 0..<block.count {
                    for output in 0..<outputs {
                        let start = output / contraction.rowsInGroup * depth * block.count
                        let product = (0..<depth).reduce(Float(0)) { sum, column in
                            let place = start + (block.isRowMajor ? row * depth + column : column * block.count + row)
                            return sum + block.elements[place] * matrix[output, column]
                        }
                        #expect(abs(product - wanted[(rows + row) * outputs + output]) < 1e-4)
                    }
                }
                rows += block.count
            }
        }
        #expect(rows * outputs == expected.elementCount)
        let gram = added(GramMatrix(contraction), values, source)
        #expect(gram.rowCount == rows && gram.sum.count == contraction.groupCount * depth * depth && gram.rowSum.count == contraction.groupCount * depth)
        // The outputs' energy, both ways.
        let energy = try SecondMoment(gram).rowErrors(of: matrix).reduce(0, +) * Double(rows)
        let own = expected.floats().reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(energy - own) < 1e-3 * own)
        var halves = gram
        halves.merge(gram)
        #expect(halves.rowSum == gram.rowSum.map { 2 * $0 } && halves.rowCount == 2 * rows)
        if contraction.groupCount == 1, depth > 2 {
            let part = added(GramMatrix(contraction, columns: 1..<depth), values, source)
            #expect(abs(part.sum[0] - gram.sum[depth + 1]) <= 1e-4 * abs(part.sum[0]) && part.rowSum[0] == gram.rowSum[1])
        }
    }
}
