import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct ConcatAxesTests {
    /// Every input has a label of its own, however many there are.
    @Test(arguments: 1...5) func manyInputsHaveAxes(_ rank: Int) {
        let info = ValueInfo(.float32, (0..<rank).map { .fixed($0 + 2) })
        for count in [1, 2, 40, 47, 48, 49, 50, 51, 52, 53, 60, 300] {
            let map = Concat(axis: rank - 1).axes(for: [ValueInfo?](repeating: info, count: count))
            #expect(!map.isOpaque && map.inputs.count == count && Set(map.inputs.map { $0[rank - 1] }).count == count)
        }
    }
}
