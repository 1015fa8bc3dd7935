import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Lowered graphs of quantized operators agree with the graph as it stands within one code.
@Suite struct IntegerLoweringTests {
    /// A quantize–dequantize pair with the range of `x` in u8 or s8.
    private func pair(_ b: GraphBuilder, _ x: ValueName, scale: Float, zero: Int, _ type: ElementType = .uint8) throws -> ValueName {
        let (s, z) = (b.constant("scale", scalar: scale), b.constant("zero", Tensor([Double(zero)], shape: [], as: type)))
        return try b.add(DequantizeLinear(), b.add(QuantizeLinear(), x, s, z), s, z)
    }

    /// Dequantized int8 weights, one scale for each index of `axis`.
    private func weights(_ b: GraphBuilder, _ shape: Shape, axis: Int, seed: UInt64) throws -> ValueName {
        let codes = Tensor(random(shape, seed: seed, in: -127...127).doubles(), shape: shape, as: .int8)
        let scales = Tensor((0..<shape[axis]).map { 0.002 + 0.0005 * Float($0 % 7) })
        return try b.add(
            DequantizeLinear(axis: axis), b.constant("w", codes), b.constant("w.scale", scales),
            b.constant("w.zero", Tensor([Int8](repeating: 0, count: shape[axis]))))
    }

    private func bias(_ b: GraphBuilder, _ count: Int, scales: [Float]) throws -> ValueName {
        let codes = Tensor((0..<count).map { Int32($0 * 37 % 200 - 100) })
        return try b.add(DequantizeLinear(axis: 0), b.constant("b", codes), b.constant("b.scale", Tensor(scales)))
    }

    /// Builds the graph twice: results must agree within `tolerance`; gives the lowered operators.
    private func check(
        _ inputs: [(ValueName, Tensor)], tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation,
        _ build: (GraphBuilder) throws -> [ValueName]
    ) throws -> [String] {
        let plain = try run(inputs, lowers: false, build)
        let lowered = try run(inputs, lowers: true, build)
        for (a, b) in zip(plain, lowered) {
            #expect(largestDifference(a, b) <= tolerance, sourceLocation: sourceLocation)
            let differing = zip(a.doubles(), b.doubles()).count { ($0 - $1).magnitude > max(tolerance * 1e-3, 1e-5) }
            #expect(Double(differing) <= 0.02 * Double(a.elementCount) + 1, sourceLocation: sourceLocation)
        }
        let builder = GraphBuilder("shapes")
        for (name, tensor) in inputs { _ = try builder.input(name, tensor.elementType, tensor.shape.map { .fixed($0) }) }
        let outputs = try build(builder)
        return try loweredOperators(builder, outputs: outputs)
    }

    @Test(arguments: [true, false]) func aConvolutionRunsOnCodes(_ hasReluAndOutput: Bool) throws {
        let x = random([2, 3, 9, 9], seed: 1)
        let operators = try check([("x", x)], tolerance: 0.0201) { b in
            let source = try pair(b, "x", scale: 2 / 255.0, zero: 128)
            let scales = (0..<5).map { 2 / 255.0 * (0.002 + 0.0005 * Float($0 % 7)) }
            let y = try b.add(
                Conv(stride: 1, padding: 1), inputs: [source, weights(b, [5, 3, 3, 3], axis: 0, seed: 2), bias(b, 5, scales: scales)])[0]
            return [hasReluAndOutput ? try pair(b, b.relu(y), scale: 0.02, zero: 0) : y]
        }
        #expect(operators.filter { $0 == "QuantizedConvolution" }.count == 1)
        #expect(!operators.contains("Conv") && !operators.contains("FusedConv"))
        #expect(operators.count == (hasReluAndOutput ? 3 : 2))
    }

    @Test(arguments: [true, false]) func aGemmRunsOnCodes(_ transposed: Bool) throws {
        let x = random([4, 32], seed: 1)
        let operators = try check([("x", x)], tolerance: 0.0301) { b in
            let source = try pair(b, "x", scale: 1 / 127.0, zero: 0, .int8)
            let w = try weights(b, transposed ? [10, 32] : [32, 10], axis: transposed ? 0 : 1, seed: 2)
            let y = try b.add(
                Gemm(transposesRight: transposed, alpha: 0.5, beta: 2), source, w, b.constant("bias", random([10], seed: 3)))
            return [try pair(b, y, scale: 0.03, zero: 3, .int8)]
        }
        #expect(operators == ["QuantizeLinear", "QuantizedMatMul", "DequantizeLinear"])
    }

    @Test func aMatMulOverBatchesRunsOnCodes() throws {
        let operators = try check([("x", random([2, 5, 16], seed: 1))], tolerance: 1e-4) { b in
            let source = try pair(b, "x", scale: 2 / 255.0, zero: 128)
            let y = try b.add(MatMul(), source, weights(b, [16, 8], axis: 1, seed: 2))
            return [try b.relu(b.add(y, b.constant("bias", random([8], seed: 3))))]
        }
        #expect(operators == ["QuantizeLinear", "QuantizedMatMul"])
    }

    /// The residual is added in the convolution, as codes.
    @Test func aResidualIsAbsorbed() throws {
        let operators = try check([("x", random([2, 8, 6, 6], seed: 1))], tolerance: 0.0301) { b in
            let source = try pair(b, "x", scale: 2 / 255.0, zero: 128)
            let y = try b.add(Conv(stride: 1, padding: 1), inputs: [source, weights(b, [8, 8, 3, 3], axis: 0, seed: 2)])[0]
            return [try pair(b, b.relu(b.add(y, source)), scale: 0.03, zero: 0)]
        }
        #expect(operators == ["QuantizeLinear", "QuantizedConvolution", "DequantizeLinear"])
    }

    /// Between two integer layers everything stays in codes: pooling, flattening, and pairs with equal scales vanish.
    @Test func aLeNetRunsOnCodesThroughout() throws {
        let operators = try check([("x", random([2, 1, 12, 12], seed: 1, in: 0...1))], tolerance: 0.0401) { b in
            let source = try pair(b, "x", scale: 1 / 255.0, zero: 0)
            var y = try b.add(Conv(stride: 1, padding: 0), inputs: [source, weights(b, [6, 1, 5, 5], axis: 0, seed: 2)])[0]
            y = try pair(b, b.relu(y), scale: 0.02, zero: 0)
            y = try pair(b, b.maxPool(y, size: 2), scale: 0.02, zero: 0)
            y = try pair(b, b.add(Flatten(), y), scale: 0.02, zero: 0)
            return [try b.add(Gemm(transposesRight: true), y, weights(b, [10, 96], axis: 0, seed: 4))]
        }
        #expect(operators == ["QuantizeLinear", "QuantizedConvolution", "MaxPool", "Flatten", "QuantizedMatMul"])
    }

    /// A function of one element between two encodings is a table.
    @Test func aSigmoidBetweenCodesIsATable() throws {
        let operators = try check([("x", random([50], seed: 1, in: -4...4))], tolerance: 1 / 255.0) { b in
            [try pair(b, b.add(Sigmoid(), pair(b, "x", scale: 8 / 255.0, zero: 128)), scale: 1 / 255.0, zero: 0)]
        }
        #expect(operators == ["QuantizeLinear", "CodeTable", "DequantizeLinear"])
    }

    /// Codes of truth values are looked up where they lie.
    @Test func aQuantizedComparisonIsATable() throws {
        let operators = try check([("x", random([50], seed: 1))], tolerance: 1e-6) { b in
            let above = try b.add(Greater(), "x", b.constant("zero", scalar: Float(0)))
            return [try pair(b, b.add(Cast(to: .float32), above), scale: 1 / 255.0, zero: 0)]
        }
        #expect(operators == ["Greater", "CodeTable", "DequantizeLinear"])
    }

    /// Means of codes, whether a pooling or a reduction takes them; in codes where codes are asked for.
    @Test(arguments: [true, false]) func aMeanReadsCodes(_ isReduction: Bool) throws {
        let operators = try check([("x", random([2, 70, 5, 3], seed: 1))], tolerance: 0.0101) { b in
            let source = try pair(b, "x", scale: 2 / 255.0, zero: 128)
            let mean = try isReduction
                ? b.add(ReduceMean(keepsAxes: false), source, b.constant("axes", Tensor([Int64(2), 3]))) : b.globalAveragePool(source)
            return [try pair(b, mean, scale: 0.01, zero: 3, .int8)]
        }
        #expect(operators == ["QuantizeLinear", "QuantizedAverage"] + (isReduction ? ["Flatten"] : []) + ["DequantizeLinear"])
    }

    /// What is joined or pooled before it is quantized is quantized first.
    @Test func movementIsOfCodes() throws {
        let operators = try check([("x", random([2, 4, 6, 6], seed: 1))], tolerance: 0.0301) { b in
            let source = try pair(b, "x", scale: 2 / 255.0, zero: 128)
            let y = try b.add(Swish(alpha: 1), source)
            let joined = try b.add(Concat(axis: 1), y, b.maxPool(b.maxPool(y, size: 1), size: 1))
            return [try pair(b, joined, scale: 0.02, zero: 20)]
        }
        #expect(operators == ["QuantizeLinear", "CodeTable", "MaxPool", "MaxPool", "Concat", "DequantizeLinear"])
    }

    /// Squeeze and excitation: mean and product read the codes, whatever function stands between.
    @Test(arguments: ["Relu", "HardSwish", "Swish", ""]) func aGateReadsCodes(_ function: String) throws {
        let operators = try check([("x", random([2, 12, 40, 7], seed: 1, in: -3...3))], tolerance: 0.0301) { b in
            var y = try pair(b, "x", scale: 6 / 255.0, zero: 128)
            switch function {
            case "Relu": y = try b.relu(y)
            case "HardSwish": y = try b.add(HardSwish(), y)
            case "Swish": y = try b.multiply(y, b.add(Sigmoid(), y))
            default: break
            }
            let gate = try b.add(Sigmoid(), b.globalAveragePool(y))
            return [try pair(b, b.multiply(gate, y), scale: 0.03, zero: 60)]
        }
        #expect(operators == ["QuantizeLinear", "QuantizedAverage", "Sigmoid", "QuantizedGate", "DequantizeLinear"])
    }
}
