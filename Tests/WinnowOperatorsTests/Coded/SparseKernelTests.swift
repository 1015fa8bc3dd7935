import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Plans leave zeros out where that pays, and give the same.
struct SparseKernelTests {
    private func sparse(_ shape: Shape, seed: UInt64, keeps: Int) -> Tensor {
        let values = random(shape, seed: seed).floats()
        return Tensor(values.enumerated().map { ($0.offset * 7919 + Int(seed)) % 100 < keeps ? $0.element : 0 }, shape: shape)
    }

    private func check(
        _ x: Tensor, isSparse: Bool, sourceLocation: SourceLocation = #_sourceLocation, _ build: (GraphBuilder) throws -> [ValueName]
    ) throws {
        let builder = GraphBuilder("test")
        _ = try builder.input("x", .float32, x.shape.map { .fixed($0) })
        let graph = try builder.graph(outputs: build(builder)).lowered()
        let plans = try [true, false].map {
            try Plan(graph, options: SessionOptions(arithmetic: $0 ? .fast : .exact))
        }
        let results = try plans.map { plan in
            try plan.setInput("x", x)
            try plan.execute()
            return try #require(plan.output(graph.outputs[0]))
        }
        let names = plans.map { $0.steps.compactMap(\.kernelName).filter { $0.hasPrefix("sparse") }.count }
        #expect(names == [isSparse ? 1 : 0, 0], sourceLocation: sourceLocation)
        #expect(largestDifference(results[0], results[1]) < 5e-5, sourceLocation: sourceLocation)
    }

    @Test func convolutions() throws {
        for (taps, padding, stride) in [(1, 0, 1), (3, 1, 1), (3, 1, 2)] {
            for keeps in [8, 90] {
                try check(random([2, 64, 14, 14], seed: 1), isSparse: keeps == 8) { b in
                    let w = b.constant("w", sparse([128, 64, taps, taps], seed: 2, keeps: keeps))
                    let y = try b.conv("x", w, b.constant("b", random([128], seed: 3)), stride: stride, padding: padding)
                    return [try b.add(Relu(), y)]
                }
            }
        }
    }

    /// With a residual and a function behind it.
    @Test func residuals() throws {
        try check(random([1, 128, 14, 14], seed: 1), isSparse: true) { b in
            let y = try b.conv("x", b.constant("w", sparse([128, 128, 1, 1], seed: 2, keeps: 8)))
            return [try b.add(HardSwish(), b.add(Add(), y, "x"))]
        }
    }

    @Test func products() throws {
        for rows in [1, 3, 64] {
            try check(random([rows, 512], seed: 1), isSparse: true) { b in
                let y = try b.linear("x", b.constant("w", sparse([768, 512], seed: 2, keeps: 8)), b.constant("b", random([768], seed: 3)))
                return [try b.add(Gelu(), y)]
            }
            try check(random([2, rows, 512], seed: 1), isSparse: true) { b in
                [try b.add(MatMul(), "x", b.constant("w", sparse([512, 768], seed: 2, keeps: 8)))]
            }
        }
    }
}
