import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct ShapeArithmeticTests {
    /// Shape → Gather → Unsqueeze → Concat → Reshape, as exporters write a flatten, keeps the batch symbolic.
    @Test func anExportedFlattenKeepsTheBatchSymbol() throws {
        let b = GraphBuilder("flatten")
        let x = try b.input("x", .float32, ["N", 50, 4, 4])
        let shape = try b.add(ShapeOf(), x)
        let batch = try b.add(Gather(), shape, b.constant("zero", Tensor(scalar: Int64(0))))
        let vector = try b.add(Unsqueeze(), batch, b.constant("axis", Tensor([Int64(0)])))
        let target = try b.add(Concat(axis: 0), vector, b.constant("rest", Tensor([Int64(-1)])))
        let y = try b.add(Reshape(), x, target)
        #expect(b.info(of: y)?.extents == ["N", 800])
    }

    @Test func aSliceOfAShapeIsEvaluated() throws {
        let b = GraphBuilder("slice")
        let x = try b.input("x", .float32, ["N", 3, 8, 8])
        let shape = try b.add(ShapeOf(), x)
        let tail = try b.add(
            Slice(), shape, b.constant("start", Tensor([Int64(2)])), b.constant("end", Tensor([Int64(4)])))
        #expect(b.info(of: tail)?.integers == [8, 8])
        let head = try b.add(Slice(starts: [0], ends: [2]), shape)
        let y = try b.add(Reshape(), x, b.add(Concat(axis: 0), head, b.constant("rest", Tensor([Int64(64)]))))
        #expect(b.info(of: y)?.extents == ["N", 3, 64])
    }

    static let targets: [(target: [Int], expected: [Extent])] = [
        ([0, -1], ["N", 800]), ([-1, 800], ["N", 800]), ([0, 0, 16], ["N", 50, 16]), ([-1], [.unknown]),
    ]

    @Test(arguments: targets)
    func reshapeResolvesWhatItCan(_ target: [Int], _ expected: [Extent]) throws {
        let b = GraphBuilder("reshape")
        let x = try b.input("x", .float32, ["N", 50, 4, 4])
        let y = try b.add(Reshape(), x, b.constant("shape", Tensor(target.map { Int64($0) })))
        #expect(b.info(of: y)?.extents == expected)
    }

    @Test func aReshapeThatDoesNotFitIsRefused() throws {
        let b = GraphBuilder("reshape")
        let x = try b.input("x", .float32, [2, 3])
        #expect(throws: WinnowError.self) {
            try b.add(Reshape(), x, b.constant("shape", Tensor([Int64(4), 2])))
        }
        #expect(throws: WinnowError.self) {
            try b.add(Reshape(), x, b.constant("shape", Tensor([Int64(4), -1])))
        }
    }

    /// Merged axes are products, in order; equal extents stay the same axis.
    @Test func regroupingNamesEqualGroups() {
        let merged = AxisMap.regrouped(["N", 50, 4, 4], into: ["N", 800])
        #expect(merged == "abcd, . -> a(bcd)")
        #expect(AxisMap.regrouped(["N", 800], into: ["N", 50, 16]) == "a(bc), . -> abc")
        #expect(AxisMap.regrouped([6, 4], into: [4, 6]) == ".., . -> ..")
    }
}

extension AxisMap {
    static func regrouped(_ source: [Extent], into target: [Extent]) -> String {
        let shape = ValueInfo(.int64, [.fixed(target.count)])
        var known = shape
        known.symbolicElements = target
        return Reshape().axes(for: [ValueInfo(.float32, source), known]).description
    }
}
