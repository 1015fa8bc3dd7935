import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Numbers that an integer type does not hold become what they become in ONNX Runtime, whichever operator converts.
@Suite struct CastTests {
    private let x = Tensor([Float(-2.7), -1, 256.5, 300, 70000])

    @Test func castsWrap() throws {
        let y = try run([("x", x), ("like", Tensor([UInt8(0)]))]) { b in
            [try b.add(Cast(to: .uint8), "x"), try b.add(CastLike(), "x", "like"), try b.add(Cast(to: .uint8), b.constant("c", x))]
        }
        for bytes in y { #expect(bytes.integers() == [254, 255, 0, 44, 112]) }
    }

    @Test(arguments: [ElementType.float32, .float64]) func powersOfIntegersDoToo(exponent: ElementType) throws {
        let base = Tensor([Int32(7), -7, 3, 0])
        let y = try run([("x", base), ("z", Tensor([50, 51, 2, -1], shape: [4], as: exponent))]) { [try $0.add(Pow(), "x", "z")] }[0]
        #expect(y.integers() == [Int(Int32.min), Int(Int32.min), 9, Int(Int32.min)])
    }

    @Test func listsAreNotCast() throws {
        #expect(throws: WinnowError.self) { try Cast(to: .float32).outputs(for: [ValueInfo(ValueType(listOf: .float16))]) }
        #expect(try Cast(to: .float32).outputs(for: [ValueInfo(.float16, [2])])[0].type == ValueType(.float32, [2]))
    }

    /// As ONNX's own cases have it.
    @Test func fourBitsWrapToo() throws {
        let y = try run([("x", x)]) { [try $0.add(Cast(to: .int4), "x"), try $0.add(Cast(to: .uint4), "x")] }
        #expect(y[0].integers() == [-2, -1, 0, -4, 0])
        #expect(y[1].integers() == [14, 15, 0, 12, 0])
    }
}
