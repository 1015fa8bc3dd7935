import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Along which axis the classes of an output lie.
@Suite struct ClassAxisTests {
    private func axis(_ extents: [Extent], samples: Int = 0, _ body: (GraphBuilder, ValueName) throws -> ValueName) throws -> Int? {
        let b = GraphBuilder("model")
        let graph = try b.graph(outputs: [body(b, b.input("x", .float32, extents))])
        return GraphIndex(graph).classAxis(of: graph.outputs[0], samples: samples)
    }

    private func dense(_ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        try b.add(Add(), b.constant("bias", .sample([6])), b.add(MatMul(), x, b.constant("w", .sample([12, 6]))))
    }

    private func filters(_ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        try b.conv(x, b.constant("f", .sample([6, 3, 1, 1])), b.constant("bias", .sample([6])))
    }

    @Test(arguments: [["N", 5, 12], ["N", "T", 12], [.unknown, .unknown, 12], ["N", 4, 5, 12]] as [[Extent]])
    func matricesMakeTheLast(extents: [Extent]) throws {
        #expect(try axis(extents, dense) == extents.count - 1)
        #expect(try axis(extents) { b, x in try b.add(Relu(), self.dense(b, x)) } == extents.count - 1)
    }

    @Test func filtersMakeTheFirst() throws {
        #expect(try axis(["N", 3, 8, 8], filters) == 1)
        #expect(try axis(["N", 3, "H", "W"]) { b, x in try b.add(Sigmoid(), self.filters(b, x)) } == 1)
        #expect(try axis(["N", 3, 8, 8]) { b, x in try b.add(Transpose([0, 2, 3, 1]), self.filters(b, x)) } == 3)
    }

    /// Weights may be computed: coded, masked, shared with a table that is turned.
    @Test func weightsMayBeComputed() throws {
        #expect(try axis(["N", 5, 12]) { b, x in
            try b.add(MatMul(), x, b.add(Transpose([1, 0]), b.constant("table", .sample([6, 12]))))
        } == 2)
        #expect(try axis(["N", 3, 8, 8]) { b, x in
            try b.conv(x, b.add(Mul(), b.constant("f", .sample([6, 3, 1, 1])), b.constant("mask", .sample([6, 3, 1, 1]))))
        } == 1)
    }

    /// Rows that were flattened for a product and take their places again.
    @Test func shapesMayChange() throws {
        #expect(try axis(["N", 5, 12]) { b, x in
            let rows = try b.add(Reshape(), x, b.constant("flat", Tensor([-1, 12] as [Int64])))
            let scores = try b.add(Gemm(), rows, b.constant("w", .sample([12, 6])))
            return try b.add(Reshape(), scores, b.constant("shape", Tensor([-1, 5, 6] as [Int64])))
        } == 2)
    }

    /// The last of several products counts, and a closing Softmax more than all.
    @Test func theLastProductCounts() throws {
        func mixed(_ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
            let tokens = try b.add(MatMul(), b.add(Transpose([0, 2, 1]), x), b.constant("tokens", .sample([5, 7])))
            return try dense(b, b.add(Transpose([0, 2, 1]), tokens))
        }
        #expect(try axis(["N", 5, 12], mixed) == 2)
        #expect(try axis(["N", 5, 12]) { b, x in try b.add(Softmax(axis: 1), mixed(b, x)) } == 1)
        #expect(try axis(["N", 3, 8, 8]) { b, x in try b.add(LogSoftmax(axis: 2), self.filters(b, x)) } == 2)
    }

    /// Constants that are put beside tokens, or added to them, make no axis; of two ways back the nearer product counts.
    @Test func onlyProductsMakeAxes() throws {
        #expect(try axis(["N", 5, 12]) { b, x in
            let mixed = try b.add(Softmax(axis: 2), b.add(MatMul(), x, b.add(Transpose([0, 2, 1]), x)))
            let start = b.constant("start", .sample([1, 5, 6]))
            return try b.add(Add(), b.add(MatMul(), mixed, self.dense(b, x)), start)
        } == 2)
        #expect(try axis([1, 5, 12]) { b, x in
            try b.add(Concat(axis: 1), b.constant("start", .sample([1, 1, 6])), self.dense(b, x))
        } == 2)
    }

    /// Samples are no classes, and nothing tells of what no product made.
    @Test func samplesAreNoClasses() throws {
        #expect(try axis(["N", 12]) { b, x in try b.add(Relu(), x) } == 1)
        #expect(try axis([12, "N"], samples: 1) { b, x in try b.add(Relu(), x) } == 0)
        #expect(try axis(["N", 5, 12]) { b, x in try b.add(Relu(), x) } == nil)
        #expect(try axis(["T", "N", 12], samples: 1, dense) == 2)
    }
}
