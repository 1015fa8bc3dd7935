import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct GridSampleTests {
    /// Training reads by indices: NaN must be none that is refused.
    @Test func partsReadNothingWhereAPlaceIsNaN() throws {
        let x = random([1, 2, 3, 3], seed: 1)
        let grid = Tensor([Float.nan, 0, 0, .nan, 0, 0], shape: [1, 1, 3, 2])
        let y = try run([("x", x), ("grid", grid)]) { try GridSample(mode: .nearest).decompose($0, ["x", "grid"]) }[0]
        #expect(y.shape == [1, 2, 1, 3])
        #expect(y.floats() == [0, 0, x.floats()[4], 0, 0, x.floats()[13]])
    }
}
