import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct QuantizationTests {
    /// Halves go to the even code and codes saturate.
    @Test func quantizeRoundsHalfToEvenAndSaturates() throws {
        let x = Tensor([Float(-300), -1.5, -0.5, 0.5, 1.5, 2.5, 3.49, 127.5, 1e9, .infinity])
        let y = try run([("x", x)]) { b in
            [
                try b.add(
                    QuantizeLinear(), "x", b.constant("s", scalar: Float(1)), b.constant("z", scalar: UInt8(10)))
            ]
        }[0]
        #expect(y.integers() == [0, 8, 10, 10, 12, 12, 13, 138, 255, 255])
    }

    @Test(arguments: [ElementType.uint8, .int8, .uint16, .int16, .int4, .uint4, .int2, .uint2, .float8E4M3FN, .float8E5M2, .float4E2M1])
    func everyCodeComesBack(_ type: ElementType) throws {
        let count = min(256, 1 << type.bitWidth)
        var codes = type.bitWidth <= 8
            ? Tensor(codes: (0..<count).map { UInt8($0) }, shape: [count], type)
            : Tensor((0..<256).map { Double($0 * 7) }, shape: [256], as: type)
        // Codes that are no finite numbers do not come back.
        if type.isFloatingPoint {
            codes = Tensor(codes.doubles().map { $0.isFinite ? $0 : 0 }, shape: codes.shape, as: type)
        }
        let zero = Tensor([type.isFloatingPoint ? 0 : 3], shape: [], as: type)
        let y = try run([("q", codes)], lowers: false) { b in
            let (scale, zeroPoint) = (b.constant("s", scalar: Float(0.37)), b.constant("z", zero))
            let x = try b.add(DequantizeLinear(), "q", scale, zeroPoint)
            return [try b.add(QuantizeLinear(), x, scale, zeroPoint), x]
        }
        #expect(y[0].doubles() == codes.doubles())
        let expected = codes.floats().map { ($0 - zero.floats()[0]) * 0.37 }
        #expect(largestDifference(y[1], Tensor(expected)) < 1e-3)
    }

    /// One scale for each index of an axis, in both layouts the axis may have.
    @Test(arguments: [0, 1, 2]) func perAxisScalesFollowTheirAxis(_ axis: Int) throws {
        let x = random([3, 4, 5], seed: 1, in: -3...3)
        let extent = x.shape[axis]
        let scales = (0..<extent).map { 0.01 * Float($0 + 1) }
        let y = try run([("x", x)]) { b in
            let (s, z) = (b.constant("s", Tensor(scales)), b.constant("z", Tensor([Int8](repeating: 1, count: extent))))
            return [try b.add(QuantizeLinear(axis: axis), "x", s, z)]
        }[0]
        let strides = x.shape.strides
        let expected = x.floats().enumerated().map { index, value -> Int in
            let scale = scales[index / strides[axis] % extent]
            return Int(min(max((value / scale).rounded(.toNearestOrEven) + 1, -128), 127))
        }
        #expect(y.integers() == expected)
    }

    @Test(arguments: [(0, 2), (1, 2), (1, 3)]) func blocksShareAScale(_ axis: Int, _ size: Int) throws {
        let q = Tensor((0..<20).map { UInt8($0) }, shape: [4, 5])
        var blocks = q.shape
        blocks[axis] = (blocks[axis] + size - 1) / size
        let scales = Tensor((0..<blocks.elementCount).map { Float($0 + 1) }, shape: blocks)
        let y = try run([("q", q)]) { b in
            [try b.add(DequantizeLinear(axis: axis, blockSize: size), "q", b.constant("s", scales))]
        }[0]
        let expected = (0..<20).map { index -> Float in
            var position = [index / 5, index % 5]
            position[axis] /= size
            return Float(index) * scales.floats()[position[0] * blocks[1] + position[1]]
        }
        #expect(y.floats() == expected)
    }

    @Test func fakeQuantizeEqualsThePair() throws {
        let x = random([7, 6], seed: 9, in: -2...2)
        for axis in [nil, 0, 1] as [Int?] {
            let count = axis.map { x.shape[$0] } ?? 1
            let scale = Tensor((0..<count).map { 0.005 + 0.003 * Float($0) }, shape: axis == nil ? [] : [count])
            let zero = Tensor([Int8](repeating: 4, count: count), shape: axis == nil ? [] : [count])
            let y = try run([("x", x)], lowers: false) { b in
                let (s, z) = (b.constant("s", scale), b.constant("z", zero))
                let codes = try b.add(QuantizeLinear(axis: axis), "x", s, z)
                return [
                    try b.add(DequantizeLinear(axis: axis), codes, s, z),
                    try b.add(FakeQuantize(range: -128...127, axis: axis), "x", s, z),
                ]
            }
            #expect(y[0] == y[1])
        }
    }

    /// Straight-through to x where not clamped; learned step size to the scale, by its closed form.
    @Test func fakeQuantizeGradientIsTheClosedForm() throws {
        let x = random([40], seed: 2, in: -1...1)
        let dy = random([40], seed: 5)
        let (scale, zero): (Float, Float) = (0.11, 1)
        let y = try run([("x", x), ("dy", dy)]) { b in
            try b.add(
                FakeQuantizeGradient(FakeQuantize(range: -4...7)),
                inputs: ["dy", "x", b.constant("s", scalar: scale), b.constant("z", scalar: Int8(1))], outputs: 2)
        }
        var expectedScale: Float = 0
        for (index, value) in x.floats().enumerated() {
            let code = (value / scale).rounded(.toNearestOrEven)
            let isInside = code + zero >= -4 && code + zero <= 7
            let clamped = min(max(code, -4 - zero), 7 - zero)
            #expect(y[0].floats()[index] == (isInside ? dy.floats()[index] : 0))
            expectedScale += dy.floats()[index] * (clamped - (isInside ? value / scale : 0))
        }
        #expect((y[1].floats()[0] - expectedScale).magnitude < 1e-4)
    }

    /// With codes held, x̂ moves by the code as the scale does; LSQ takes x/s off inside the range, and nothing outside.
    @Test func learnedStepIsTheDifferenceQuotient() throws {
        let (scale, step): (Float, Float) = (0.11, 1e-5)
        // Away from halves, where codes jump.
        let x = Tensor(random([60], seed: 6, in: -1...1).floats().filter { abs(abs(($0 / scale).truncatingRemainder(dividingBy: 1)) - 0.5) > 0.01 })
        func sum(_ scale: Float) throws -> Double {
            let y = try run([("x", x)]) { b in
                [try b.add(FakeQuantize(range: -4...7), "x", b.constant("s", scalar: scale), b.constant("z", scalar: Int8(0)))]
            }
            return y[0].doubles().reduce(0, +)
        }
        let gradients = try run([("x", x), ("dy", Tensor([Float](repeating: 1, count: x.elementCount)))]) { b in
            try b.add(
                FakeQuantizeGradient(FakeQuantize(range: -4...7)),
                inputs: ["dy", "x", b.constant("s", scalar: scale), b.constant("z", scalar: Int8(0))], outputs: 2)
        }
        let inside = x.floats().filter { (-4...7).contains(($0 / scale).rounded(.toNearestOrEven)) }
        #expect(!inside.isEmpty && inside.count < x.elementCount)
        let taken = inside.reduce(0.0) { $0 + Double($1 / scale) }
        let quotient = try (sum(scale + step) - sum(scale - step)) / Double((scale + step) - (scale - step))
        #expect(abs(Double(gradients[1].floats()[0]) - (quotient - taken)) < 0.02 * Double(x.elementCount))
        #expect(gradients[0].floats().reduce(0, +) == Float(inside.count))
    }

    @Test func aPairTrainsAsOneNode() throws {
        let b = GraphBuilder("pair")
        let x = try b.input("x", .float32, ["N", 4])
        let (s, z) = (b.constant("s", scalar: Float(0.1)), b.constant("z", scalar: Int8(0)))
        let codes = try b.add(QuantizeLinear(), x, s, z)
        let y = try b.add(DequantizeLinear(), codes, s, z)
        let graph = try b.graph(outputs: [y])
        let node = try #require(graph.nodes.last)
        let edit = try #require(try node.op.trainingForm(of: node, in: GraphIndex(graph)))
        #expect(try graph.applying(edit).nodes.map { $0.op.type.name } == ["FakeQuantize"])
    }
}
