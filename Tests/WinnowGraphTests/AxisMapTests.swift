import Testing
import WinnowGraph
import WinnowTensor

@Suite struct AxisMapTests {
    @Test(arguments: [
        "mk, kn -> mn", "…k, kn -> …n", "n(gi).., (go)ikl, (go) -> n(go)yx", "na, nb -> n[a+b]", "nchw -> n(chw)", "ab, 1b -> ab",
    ])
    func aMapPrintsAsItIsWritten(_ text: String) {
        #expect(AxisMap(text).description == text)
    }

    @Test func labelsAreSolvedFromShapes() {
        #expect(AxisMap("mk, kn -> mn").solve(inputs: [[2, 3], [3, 5]], outputs: [[2, 5]]) == ["m": 2, "k": 3, "n": 5])
        #expect(AxisMap("mk, kn -> mn").solve(inputs: [[2, 3], [4, 5]], outputs: [[2, 5]]) == nil)
        let grouped = AxisMap("n(gi).., (go)ikl -> n(go)yx", extents: ["g": 4])
        let solved = grouped.solve(inputs: [[1, 8, 9, 9], [12, 2, 3, 3]], outputs: [[1, 12, 7, 7]])
        #expect(solved?["i"] == 2 && solved?["o"] == 3 && solved?["y"] == 7)
        #expect(AxisMap("na, nb -> n[a+b]").solve(inputs: [[1, 3], nil], outputs: [[1, 8]])?["b"] == 5)
    }

    /// Open extents are not guessed; what the known ones tell is told.
    @Test func labelsAreSolvedAsFarAsExtentsAreKnown() {
        let product = AxisMap("mk, kn -> mn")
        #expect(product.solve(inputs: [[nil, 3], [3, 5]], outputs: [[nil, 5]]) == ["k": 3, "n": 5])
        #expect(product.solve(inputs: [[nil, 3], [4, 5]], outputs: [[nil, 5]]) == nil)
        #expect(AxisMap("…k, kn -> …n").solve(inputs: [nil, [3, 5]], outputs: [nil]) == ["k": 3, "n": 5])
        #expect(AxisMap("abcd -> a(bcd)").solve(inputs: [[nil, 8, nil, nil]], outputs: [[nil, 128]]) == ["b": 8])
        #expect(AxisMap("abc -> a(bc)").solve(inputs: [[nil, 8, nil]], outputs: [[nil, 128]]) == ["b": 8, "c": 16])
        #expect(AxisMap("ab -> (ab)").solve(inputs: [[2, 3]], outputs: [[7]]) == nil)
    }

    @Test func withoutRanksTheLastAxisIsKnown() {
        let unknown = ValueInfo(.float32, nil)
        let map = AxisMap.elementwise(inputs: [unknown, ValueInfo(.float32, [4, 8])], outputRank: nil)
        #expect(map.description == "…a, .a -> …a")
        #expect(AxisMap.elementwise(inputs: [unknown, ValueInfo(.float32, [1])], outputRank: nil).description == "…a, 1 -> …a")
        #expect([AxisTerm.rest, .label("k")].aligned(toRank: 3) == [.opaque, .opaque, .label("k")])
    }

    @Test func nonsenseIsOpaque() {
        #expect(AxisMap("no arrow").isOpaque)
        #expect(AxisMap.opaque.solve(inputs: [], outputs: []) == nil)
    }

    @Test func broadcastAxesAreMarked() {
        let map = AxisMap.elementwise(
            inputs: [ValueInfo(.float32, ["N", 8, 4, 4]), ValueInfo(.float32, [8, 1, 1])], outputRank: 4)
        #expect(map.description == "abcd, b11 -> abcd")
    }
}
