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

    @Test func aScaledTermBecomesABias() throws {
        let operators = try fusedOperators([3, 4]) { b, x in
            let y = try b.add(Gemm(beta: 0.5), x, filter(b, [4, 5]), b.constant("b", .sample([5])))
            return try b.relu(normalized(b, y, channels: 5))
        }
        #expect(operators == ["MatrixProduct"])
    }

    /// Factors and terms, one number or one for each channel, go into filter and bias.
    @Test func numbersFoldIntoConvolutions() throws {
        let operators = try fusedOperators([2, 3, 5, 5]) { b, x in
            let y = try b.add(Div(), b.conv(x, filter(b, [4, 3, 3, 3])), b.constant("d", Tensor([Float(1.7)])))
            let z = try b.add(Mul(), b.constant("m", .sample([4, 1, 1])), y)
            return try b.add(Sub(), z, b.constant("s", Tensor([Float(0.3)])))
        }
        #expect(operators == ["Conv"])
    }

    @Test func numbersFoldIntoProducts() throws {
        let operators = try fusedOperators([2, 3, 4]) { b, x in
            let y = try b.add(MatMul(), x, b.add(Transpose([0, 2, 1]), x))
            return try b.add(Softmax(axis: -1), b.add(Div(), y, b.constant("d", Tensor(scalar: Float(8)))))
        }
        #expect(operators == ["MatrixProduct", "Softmax"])
    }

    /// A head's transposition crosses the last two axes: rows stay whole, the product reads columns.
    @Test func transpositionsAreReadAsTheyLie() throws {
        let operators = try fusedOperators([2, 3, 4, 5]) { b, x in
            let keys = try b.add(Transpose([0, 2, 3, 1]), x)
            return try b.add(MatMul(), b.add(Transpose([0, 2, 1, 3]), x), keys)
        }
        #expect(operators == ["Transpose", "Transpose", "MatrixProduct"])
        let left = try fusedOperators([2, 3, 4]) { b, x in try b.add(MatMul(), b.add(Transpose([0, 2, 1]), x), x) }
        #expect(left == ["MatrixProduct"])
    }

    @Test(arguments: ["Swish", "QuickGelu", "HardSwish", "HardSwishByClip", "Gelu", "GeluLast", "GeluByTanh"])
    func spelledActivations(name: String) throws {
        let operators = try fusedOperators([2, 3, 5, 5]) { b, x in
            try spelled(name, b, b.conv(x, filter(b, [4, 3, 3, 3])))
        }
        #expect(operators == ["FusedConv"])
    }

    /// Near misses stay what they are.
    @Test func otherProductsAreNoActivations() throws {
        let operators = try fusedOperators([2, 6]) { b, x in
            let number = b.constant("n", Tensor(scalar: Float(5)))
            let gate = try b.clip(b.add(x, b.constant("three", Tensor(scalar: Float(3)))), low: 0, high: 6)
            return try b.add(Div(), b.multiply(x, gate), number)
        }
        #expect(operators == ["Add", "Clip", "Mul", "Div"])
    }

    private func spelled(_ name: String, _ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        func number(_ value: Float) -> ValueName { b.constant("number", Tensor(scalar: value)) }
        func gate() throws -> ValueName { try b.add(b.add(Erf(), b.add(Div(), x, number(Float(2).squareRoot()))), number(1)) }
        switch name {
        case "Swish": return try b.multiply(x, b.add(Sigmoid(), x))
        case "QuickGelu": return try b.multiply(b.add(Sigmoid(), b.multiply(x, number(1.702))), x)
        case "HardSwish": return try b.multiply(x, b.add(HardSigmoid(alpha: 1 / 6, beta: 0.5), x))
        case "HardSwishByClip":
            return try b.add(Div(), b.multiply(x, b.clip(b.add(x, number(3)), low: 0, high: 6)), number(6))
        case "GeluByTanh":
            let cube = try b.multiply(x, b.multiply(x, b.multiply(number(0.044715), x)))
            let inner = try b.add(Tanh(), b.multiply(number(Float((2 / Double.pi).squareRoot())), b.add(x, cube)))
            return try b.multiply(x, b.multiply(number(0.5), b.add(b.constant("one", Tensor([Float(1)], shape: [1, 1, 1, 1])), inner)))
        case "Gelu": return try b.multiply(b.multiply(x, number(0.5)), gate())
        default: return try b.multiply(b.multiply(x, gate()), number(0.5))
        }
    }

    /// What moves and resizes pixels keeps the layout of the convolutions around it.
    @Test func movementKeepsChannelsLast() throws {
        let operators = try fusedOperators([2, 4, 6, 6]) { b, x in
            let y = try b.conv(x, filter(b, [6, 4, 3, 3]), padding: 1)
            let halves = try b.add(
                Split(axis: 1), inputs: [y, b.constant("halves", Tensor([Int64(2), 4]))], outputs: 2)
            let joined = try b.add(Concat(axis: 1), halves[1], halves[0])
            let large = try b.add(Resize(), joined, "", b.constant("scales", Tensor([Float(1), 1, 2, 2])))
            let padded = try b.add(Pad(), large, b.constant("pads", Tensor([Int64(0), 1, 1, 0, 0, 0, 0, 2])))
            let part = try b.add(
                Slice(), padded, b.constant("starts", Tensor([Int64(1), 2])), b.constant("ends", Tensor([Int64(6), 13])),
                b.constant("axes", Tensor([Int64(1), 2])))
            return try b.conv(part, b.constant("v", .sample([3, 5, 3, 3], seed: 9)))
        }
        #expect(operators == ["Conv", "Split", "Concat", "Resize", "Pad", "Slice", "Conv"])
    }

    /// One position and one tap along an axis, before or after the axis that counts.
    @Test(arguments: [[1, 9], [9, 1], [1, 1]]) func convolutionsAlongOneAxis(extents: [Int]) throws {
        let kernel = extents.map { min($0, 3) }
        let operators = try fusedOperators(Shape([2, 3] + extents)) { b, x in
            try b.relu(b.conv(x, filter(b, Shape([4, 3] + kernel))))
        }
        #expect(operators == ["FusedConv"])
    }

    /// Codes under a scale found at each run: sums, casts and scales become one integer product with bias and activation.
    @Test func dynamicCodesBecomeIntegerContractions() throws {
        let product = try fusedOperators([3, 8]) { b, x in
            let codes = try b.add(DynamicQuantizeLinear(), inputs: [x], outputs: 3)
            let weights = b.constant("w8", Tensor((0..<40).map { Int8($0 * 6 - 120) }, shape: [8, 5]))
            let sums = try b.add(Cast(to: .float32), b.add(MatMulInteger(), codes[0], weights, codes[2]))
            let scaled = try b.multiply(sums, b.multiply(codes[1], b.constant("s", Tensor([Float(0.01), 0.02, 0.015, 0.012, 0.018]))))
            return try b.relu(b.add(scaled, b.constant("bias", .sample([5]))))
        }
        #expect(product == ["DynamicQuantizeLinear", "QuantizedMatMul"])
        let convolution = try fusedOperators([2, 3, 6, 6]) { b, x in
            let codes = try b.add(DynamicQuantizeLinear(), inputs: [x], outputs: 3)
            let weights = b.constant("w8", Tensor((0..<108).map { Int8($0 * 2 - 108) }, shape: [4, 3, 3, 3]))
            let sums = try b.add(
                ConvInteger(Conv(stride: 1, padding: 1)), inputs: [codes[0], weights, codes[2]])[0]
            let scaled = try b.multiply(
                b.add(Cast(to: .float32), sums), b.multiply(codes[1], b.constant("s", Tensor(scalar: Float(0.01)))))
            return try b.relu(b.add(scaled, b.constant("bias", .sample([4, 1, 1]))))
        }
        #expect(convolution == ["DynamicQuantizeLinear", "QuantizedConvolution"])
    }
}
