import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Products with weights stored as codes keep the codes, whoever wrote them.
struct CodedMatMulTests {
    /// Checks that planned operators are `expected`, and that outputs are those of the graph as it stands.
    private func check(
        _ x: Tensor, expected: [String] = ["CodedMatMul"], tolerance: Double = 2e-5, sourceLocation: SourceLocation = #_sourceLocation,
        _ build: @escaping (GraphBuilder) throws -> [ValueName]
    ) throws {
        let builder = GraphBuilder("test")
        _ = try builder.input("x", x.elementType, x.shape.map { .fixed($0) })
        let operators = try loweredOperators(builder, outputs: build(builder))
        #expect(operators == expected, sourceLocation: sourceLocation)
        let plain = try run([("x", x)], lowers: false, build)[0]
        let coded = try run([("x", x)], build)[0]
        let size = plain.doubles().reduce(1e-3) { max($0, $1.magnitude) }
        #expect(largestDifference(plain, coded) / size < tolerance, sourceLocation: sourceLocation)
    }

    private func codes(_ shape: Shape, _ type: ElementType, seed: UInt64 = 1) -> Tensor {
        var generator = RandomGenerator(seed: seed)
        return Tensor(
            codes: (0..<shape.elementCount).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 30) }, shape: shape, type)
    }

    @Test func packedMatrices() throws {
        for bits in [2, 4, 8] {
            for (depth, block) in [(64, 32), (40, 16), (128, 128)] {
                let blocks = (depth + block - 1) / block
                for zeroPoints in 0..<3 {
                    try check(random([3, depth], seed: 1)) { b in
                        var inputs = [
                            "x", b.constant("codes", codes([21, blocks, block * bits / 8], .uint8)),
                            b.constant("scales", random([21 * blocks], seed: 2, in: 0.1...1)),
                        ]
                        if zeroPoints == 1 { inputs.append(b.constant("zeros", codes([21 * ((blocks * bits + 7) / 8)], .uint8, seed: 3))) }
                        if zeroPoints == 2 { inputs.append(b.constant("zeros", random([21 * blocks], seed: 4, in: 0...3))) }
                        return try b.add(MatMulNBits(depth: depth, columns: 21, bitWidth: bits, blockSize: block), inputs: inputs)
                    }
                }
            }
        }
    }

    /// What K, N and blocks say goes with the bytes that there are, or the model is refused: counts would be false, or overflow.
    @Test(arguments: [(40, 22), (48 + 1, 21), (1 << 31, 1 << 31)]) func matricesOfOtherSizesAreRefused(_ depth: Int, _ columns: Int) throws {
        let product = MatMulNBits(depth: depth, columns: columns, blockSize: 16)
        let inputs: [ValueInfo?] = [ValueInfo(.float32, ["N", .fixed(depth)]), ValueInfo(.uint8, [21, 3, 8]), ValueInfo(.float32, [63])]
        let error = #expect(throws: WinnowError.self) { try product.outputs(for: inputs) }
        #expect(error?.kind == .shape && error?.problem.contains("blocks of 16") == true)
    }

    /// Zero points of looked-up rows that are fewer than their blocks.
    @Test func zeroPointsOfRowsAreCounted() throws {
        let b = GraphBuilder("rows")
        let inputs = [
            b.constant("codes", codes([3, 16], .uint8)), b.constant("rows", Tensor([0, 2] as [Int64])),
            b.constant("scales", random([3, 2], seed: 2, in: 0.1...1)),
        ]
        let op = GatherBlockQuantized(blockSize: 16)
        #expect(try op.decompose(b, inputs + [b.constant("zeros", codes([3, 1], .uint8))]).count == 1)
        #expect(throws: WinnowError.self) { try op.decompose(b, inputs + [b.constant("few", codes([1, 1], .uint8))]) }
    }

    /// Counted as the product they are, without unpacking codes; an open extent leaves the count open.
    @Test func multiplyAccumulates() throws {
        let product = MatMulNBits(depth: 40, columns: 21, blockSize: 16)
        func count(_ extents: [Extent]) throws -> Int?? {
            let inputs: [ValueInfo?] = [ValueInfo(.float32, extents), ValueInfo(.uint8, [21, 3, 8]), ValueInfo(.float32, [63])]
            return product.multiplyAccumulates(inputs: inputs, outputs: try product.outputs(for: inputs))
        }
        #expect(try count([2, 3, 40]) == .some(2 * 3 * 40 * 21))
        #expect(try count([.symbol("N"), 40]) == .some(nil))
    }

    @Test(arguments: [ElementType.int4, .uint4, .int8, .uint8, .int2, .uint2])
    func dequantizedMatrices(_ type: ElementType) throws {
        for (axis, isTransposed) in [(0, false), (1, true)] {
            for hasZeroPoints in [false, true] {
                try check(random([5, 96], seed: 1)) { b in
                    let shape: Shape = isTransposed ? [18, 96] : [96, 18]
                    let scaleShape: Shape = isTransposed ? [18, 3] : [3, 18]
                    var inputs = [
                        b.constant("codes", codes(shape, type)), b.constant("scales", random(scaleShape, seed: 2, in: 0.1...1)),
                    ]
                    if hasZeroPoints { inputs.append(b.constant("zeros", codes(scaleShape, type, seed: 5))) }
                    let weight = try b.add(DequantizeLinear(axis: axis, blockSize: 32), inputs: inputs)[0]
                    let bias = b.constant("bias", random([18], seed: 3))
                    return try b.add(Gemm(transposesRight: isTransposed, alpha: 0.5), inputs: ["x", weight, bias])
                }
            }
        }
    }

    /// One scale for all, one for each output, and a transposition between.
    @Test func wholeColumns() throws {
        let x = random([2, 3, 50], seed: 1)
        for scale in [Tensor(scalar: Float(0.3)), random([33], seed: 2, in: 0.1...1)] {
            try check(x) { b in
                let weight = try b.add(
                    DequantizeLinear(axis: 1), b.constant("codes", codes([50, 33], .int8)), b.constant("scale", scale))
                return [try b.add(MatMul(), "x", weight)]
            }
            try check(x) { b in
                let weight = try b.add(
                    DequantizeLinear(axis: 0), b.constant("codes", codes([33, 50], .int8)), b.constant("scale", scale))
                let turned = try b.add(Transpose([1, 0]), weight)
                let sum = try b.add(Add(), b.add(MatMul(), "x", turned), b.constant("bias", random([33], seed: 4)))
                return [try b.add(Relu(), sum)]
            }
        }
    }

    /// Blocks that a Reshape follows.
    @Test func reshapedBlocks() throws {
        try check(random([4, 96], seed: 1)) { b in
            let blocks = try b.add(
                DequantizeLinear(axis: 0), b.constant("codes", codes([20 * 3, 32], .int4)),
                b.constant("scales", random([60], seed: 2, in: 0.1...1)))
            let weight = try b.add(Reshape(), blocks, b.constant("shape", Tensor([Int64(20), 96])))
            return [try b.add(Gemm(transposesRight: true), "x", weight)]
        }
    }

    /// Indices of a table, as Winnow writes palettes and NF4.
    @Test func tables() throws {
        for (count, type) in [(16, ElementType.uint4), (3, .uint8), (200, .uint8)] {
            try check(random([5, 96], seed: 1)) { b in
                let indices = Tensor(codes: codes([96, 17], .uint8).codes().map { UInt8(Int($0) % count) }, shape: [96, 17], type)
                let numbers = try b.add(DequantizeLinear(), b.constant("codes", indices), b.constant("one", Tensor(scalar: Float(1))))
                let places = try b.add(Cast(to: .int32), numbers)
                let weight = try b.add(Gather(axis: 0), b.constant("table", random([count], seed: 3)), places)
                return [try b.add(MatMul(), "x", weight)]
            }
        }
        try check(random([5, 96], seed: 1)) { b in
            let numbers = try b.add(
                DequantizeLinear(), b.constant("codes", codes([3, 32, 17], .uint4)), b.constant("one", Tensor(scalar: Float(1))))
            let looked = try b.add(
                Gather(axis: 0), b.constant("table", random([16], seed: 3)), b.add(Cast(to: .int32), numbers))
            let scaled = try b.add(Mul(), looked, b.constant("scales", random([3, 1, 17], seed: 4, in: 0.1...1)))
            let weight = try b.add(Reshape(), scaled, b.constant("shape", Tensor([Int64(96), 17])))
            return [try b.add(MatMul(), "x", weight)]
        }
        try check(random([5, 96], seed: 1)) { b in
            let weight = try b.add(
                DequantizeLinear(axis: 0, blockSize: 32), b.constant("codes", codes([96, 17], .float4E2M1)),
                b.constant("scales", random([3, 17], seed: 4, in: 0.1...1)))
            return [try b.add(MatMul(), "x", weight)]
        }
    }

    /// Scales for each input, or a matrix on the left, stay what they are.
    @Test func othersStay() throws {
        try check(random([5, 96], seed: 1), expected: ["DequantizeLinear", "MatMul"]) { b in
            let weight = try b.add(
                DequantizeLinear(axis: 0), b.constant("codes", codes([96, 17], .int8)), b.constant("scales", random([96], seed: 2, in: 0.1...1)))
            return [try b.add(MatMul(), "x", weight)]
        }
        try check(random([17, 5], seed: 1), expected: ["DequantizeLinear", "MatMul"]) { b in
            let weight = try b.add(
                DequantizeLinear(), b.constant("codes", codes([96, 17], .int8)), b.constant("scales", Tensor(scalar: Float(0.1))))
            return [try b.add(MatMul(), weight, "x")]
        }
    }

    /// Bytes for data where the file allows it, to less than 1 %.
    @Test func accuracyLevel() throws {
        var attributes = MatMulNBits(depth: 256, columns: 40, blockSize: 32).attributes
        attributes["accuracy_level"] = .int(4)
        let op = try MatMulNBits(attributes: attributes, version: 1)
        try check(random([3, 256], seed: 1), tolerance: 1e-2) { b in
            try b.add(
                op, inputs: ["x", b.constant("codes", codes([40, 8, 16], .uint8)), b.constant("scales", random([320], seed: 2, in: 0.1...1))])
        }
    }
}
