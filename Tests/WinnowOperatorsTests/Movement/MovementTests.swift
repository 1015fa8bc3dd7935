import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct MovementTests {
    let x = Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])

    private func int64(_ values: [Int]) -> Tensor { Tensor(values.map { Int64($0) }) }

    @Test func transposeMovesEveryElement() throws {
        let y = try run([("x", x)]) { [try $0.add(Transpose([2, 0, 1]), "x")] }[0]
        #expect(y == x.transposed([2, 0, 1]))
    }

    @Test func concatUndoesSplit() throws {
        let y = try run([("x", x)]) { b in
            let parts = try b.add(Split(axis: 1), inputs: ["x", b.constant("sizes", int64([1, 2]))], outputs: 2)
            return [try b.add(Concat(axis: 1), inputs: parts.map { $0 })[0], parts[1]]
        }
        #expect(y[0] == x)
        #expect(y[1].floats() == [4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23])
    }

    static let slices: [(start: Int, end: Int, step: Int, expected: [Int])] = [
        (0, 4, 1, [0, 1, 2, 3]), (-2, Int.max, 1, [2, 3]), (3, Int.min, -1, [3, 2, 1, 0]), (-1, 0, -2, [3, 1]),
        (1, 100, 2, [1, 3]), (3, 1, 1, []), (-100, 2, 1, [0, 1]), (100, -100, -3, [3, 0]),
    ]

    @Test(arguments: slices)
    func sliceTakesWhatNumPyTakes(_ start: Int, _ end: Int, _ step: Int, _ expected: [Int]) throws {
        let vector = Tensor((0..<4).map { Float($0) })
        let y = try run([("x", vector)]) { b in
            [
                try b.add(
                    Slice(), "x", b.constant("s", int64([start])), b.constant("e", int64([end])),
                    b.constant("a", int64([0])), b.constant("t", int64([step])))
            ]
        }[0]
        #expect(y.integers() == expected)
    }

    @Test func gatherCountsNegativeIndicesFromTheEnd() throws {
        let y = try run([("x", x)]) { b in
            [try b.add(Gather(axis: 1), "x", b.constant("i", Tensor([Int64(-1), 0], shape: [2])))]
        }[0]
        #expect(y == x.selecting([2, 0], axis: 1))
    }

    @Test func gatherRefusesAnIndexOutOfRange() {
        #expect(throws: WinnowError.self) {
            try run([("x", x), ("i", Tensor([Int64(3)]))]) { [try $0.add(Gather(axis: 1), "x", "i")] }
        }
    }

    @Test func expandRepeatsBroadcastAxes() throws {
        let y = try run([("x", Tensor([Float(1), 2], shape: [2, 1]))]) { b in
            [try b.add(Expand(), "x", b.constant("shape", int64([2, 1, 3])))]
        }[0]
        #expect(y.shape == [2, 2, 3])
        #expect(y.floats() == [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2])
    }

    /// Concat of channels-last values joins their channels.
    @Test func concatKeepsLayouts() throws {
        let image = random([2, 3, 5, 5], seed: 3)
        let filter = random([4, 3, 3, 3], seed: 4)
        func build(_ b: GraphBuilder) throws -> [ValueName] {
            let y = try b.conv("x", b.constant("w", filter))
            let z = try b.conv("x", b.constant("v", filter))
            return [try b.add(Concat(axis: 1), y, b.relu(z)), y]
        }
        let results = try run([("x", image)], build)
        let joined = results[0]
        #expect(joined.shape == [2, 8, 3, 3])
        #expect(joined.selecting(Array(0..<4), axis: 1) == results[1])
    }
}
