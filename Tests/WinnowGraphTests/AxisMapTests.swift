import Testing
import WinnowGraph
import WinnowTensor

@Suite struct AxisMapTests {
    @Test(arguments: [
        "mk, kn -> mn", "n(gi).., (go)ikl, (go) -> n(go)yx", "na, nb -> n[a+b]", "nchw -> n(chw)", "ab, 1b -> ab",
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
