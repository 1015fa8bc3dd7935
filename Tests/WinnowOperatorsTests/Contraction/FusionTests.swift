import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// What contractions absorb when planned, and that it changes no result.
@Suite struct FusionTests {
    /// Builds a graph, checks that fused and unfused results agree, and gives the fused operators.
    private func fusedOperators(
        _ shape: Shape, variables: Set<ValueName> = [], _ build: (GraphBuilder, ValueName) throws -> ValueName
    ) throws -> [String] {
        let b = GraphBuilder("fusion")
        let x = try b.input("x", .float32, [.symbol("N")] + shape.dropFirst().map { .fixed($0) })
        let graph = try b.graph(outputs: [build(b, x)])
        let tensor = Tensor.sample(shape)
        let plain = try Session(graph, options: SessionOptions(lowers: false)).run(["x": tensor])[graph.outputs[0]]
        let fused = try Session(graph).run(["x": tensor])[graph.outputs[0]]
        let difference = try relativeDifference(#require(fused), #require(plain))
        #expect(try #require(difference) < 2e-5)
        return try graph.lowered(variables: variables).nodes.map { $0.op.type.name }
    }

    private func filter(_ b: GraphBuilder, _ shape: Shape, seed: UInt64 = 5) -> ValueName {
        b.constant("w", .sample(shape, seed: seed))
    }

    private func normalized(_ b: GraphBuilder, _ x: ValueName, channels: Int) throws -> ValueName {
        try b.add(
            BatchNormalization(), x, b.constant("scale", .sample([channels], in: 0.5...2, seed: 2)),
            b.constant("shift", .sample([channels], seed: 3)), b.constant("mean", .sample([channels], seed: 4)),
            b.constant("variance", .sample([channels], in: 0.5...2, seed: 5)))
    }

    @Test func convolutionAbsorbsNormalizationAndActivation() throws {
        let operators = try fusedOperators([2, 3, 5, 5]) { b, x in
            try b.relu(normalized(b, b.conv(x, filter(b, [4, 3, 3, 3]), padding: 1), channels: 4))
        }
        #expect(operators == ["FusedConv"])
    }

    @Test func normalizationFoldsIntoGroupsAndBias() throws {
        let operators = try fusedOperators([2, 4, 5, 5]) { b, x in
            let y = try b.conv(x, filter(b, [6, 2, 3, 3]), b.constant("b", .sample([6])), groups: 2)
            return try b.clip(normalized(b, y, channels: 6), low: 0, high: 6)
        }
        #expect(operators == ["FusedConv"])
    }

    @Test func residualBlockIsTwoConvolutions() throws {
        let operators = try fusedOperators([2, 4, 6, 6]) { b, x in
            let first = try b.relu(normalized(b, b.conv(x, filter(b, [4, 4, 3, 3]), padding: 1), channels: 4))
            let second = try normalized(b, b.conv(first, filter(b, [4, 4, 3, 3], seed: 6), padding: 1), channels: 4)
            return try b.relu(b.add(x, second))
        }
        #expect(operators == ["FusedConv", "FusedConv"])
    }

    @Test func downsamplingBlockAddsOnlyOnce() throws {
        let operators = try fusedOperators([2, 4, 6, 6]) { b, x in
            let left = try b.conv(x, filter(b, [8, 4, 3, 3]), stride: 2, padding: 1)
            let right = try b.conv(x, filter(b, [8, 4, 1, 1], seed: 6), stride: 2)
            return try b.relu(b.add(left, right))
        }
        #expect(operators.sorted() == ["Conv", "FusedConv"])
    }

    @Test func channelTermBecomesBias() throws {
        let operators = try fusedOperators([2, 3, 5, 5]) { b, x in
            let y = try b.conv(x, filter(b, [4, 3, 3, 3]))
            return try b.add(HardSwish(), b.add(y, b.constant("b", .sample([1, 4, 1, 1]))))
        }
        #expect(operators == ["FusedConv"])
    }

    @Test func copiesDoNotStandInTheWay() throws {
        let operators = try fusedOperators([2, 3, 4, 4]) { b, x in
            try b.relu(b.dropout(b.add(Identity(), b.conv(x, filter(b, [4, 3, 1, 1]))), ratio: 0.5))
        }
        #expect(operators == ["FusedConv"])
    }

    @Test func broadcastTermStaysApart() throws {
        let operators = try fusedOperators([2, 3, 4, 4]) { b, x in
            try b.add(b.conv(x, filter(b, [4, 3, 1, 1])), b.constant("b", .sample([1, 1, 1, 4])))
        }
        #expect(operators == ["Conv", "Add"])
    }

    @Test func variablesAreNotFolded() throws {
        let operators = try fusedOperators([2, 3, 5, 5], variables: ["w", "scale", "shift", "mean", "variance"]) { b, x in
            try b.relu(normalized(b, b.conv(x, filter(b, [4, 3, 3, 3])), channels: 4))
        }
        #expect(operators == ["Conv", "BatchNormalization", "Relu"])
    }

    @Test func valueReadTwiceStaysApart() throws {
        let operators = try fusedOperators([2, 3, 4, 4]) { b, x in
            let y = try b.conv(x, filter(b, [3, 3, 1, 1]))
            return try b.multiply(b.relu(y), y)
        }
        #expect(operators == ["Conv", "Relu", "Mul"])
    }

    @Test func productAbsorbsBiasAndActivation() throws {
        let operators = try fusedOperators([3, 4]) { b, x in
            let y = try b.add(MatMul(), x, filter(b, [4, 5]))
            return try b.add(LeakyRelu(alpha: 0.1), b.add(y, b.constant("b", .sample([5]))))
        }
        #expect(operators == ["MatrixProduct"])
    }

    @Test func linearLayerAbsorbsNormalizationAndResidual() throws {
        let operators = try fusedOperators([3, 4]) { b, x in
            let y = try normalized(b, b.linear(x, filter(b, [4, 4]), b.constant("b", .sample([4]))), channels: 4)
            return try b.add(Tanh(), b.add(y, x))
        }
        #expect(operators == ["MatrixProduct"])
    }

    @Test func scaledTermIsNoBias() throws {
        let operators = try fusedOperators([3, 4]) { b, x in
            let y = try b.add(Gemm(beta: 0.5), x, filter(b, [4, 5]), b.constant("b", .sample([5])))
            return try b.relu(normalized(b, y, channels: 5))
        }
        #expect(operators == ["Gemm", "Relu"])
    }
}
