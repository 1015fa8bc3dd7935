import Testing
import WinnowKernels
import WinnowTensor

@Suite struct CastKernelTests {
    static func cast(_ x: Tensor, to type: ElementType) throws -> Tensor {
        let kernel = try CastKernel(from: x.elementType, to: type)
        return computed(x, shape: x.shape, type) { kernel.run(from: $0[0], to: $1, count: x.elementCount) }
    }

    /// Values every type can hold: small, whole, not negative where a sign is missing.
    @Test(arguments: ElementType.allCases, ElementType.allCases)
    func commonValuesSurvive(from: ElementType, to: ElementType) throws {
        let isShort = from.bitWidth == 2 || to.bitWidth == 2
        let values: [Double] = from == .float8E8M0 || to == .float8E8M0 ? (isShort ? [1, 1, 1, 1, 1] : [1, 2, 4, 1, 2])
            : isShort ? [0, 1, 1, 0, 1] : [0, 1, 2, 3, 6]
        let x = Tensor(values, shape: [5], as: from)
        #expect(try Self.cast(x, to: to).doubles() == Tensor(x.doubles(), shape: [5], as: to).doubles())
    }

    private static let floats: [Float] = {
        var data = TestTensors(seed: 3)
        return data.normal([1001]).floats() + data.normal([500]).floats().map { $0 * 1000 }
            + [1e10, -1e10, .infinity, -.infinity, 65_519, 65_520, 5.9e-8, 2.9e-8, 6.1e-5, 0x1p-24, 0x1p-25]
            + [Float(bitPattern: 71_362), 254.9, -128.9, -0.9]
    }()

    @Test(arguments: [ElementType.float64, .float16, .bfloat16, .bool, .float8E4M3FN, .float8E5M2, .float4E2M1])
    func floatsMatchTensorConversion(type: ElementType) throws {
        let x = Tensor(Self.floats)
        let expected = x.converted(to: type)
        #expect(try Self.cast(x, to: type).doubles() == expected.doubles())
        if type != .float8E5M2, type != .float8E4M3FN, type != .float4E2M1 {
            #expect(try Self.cast(expected, to: .float32).floats() == expected.floats())
        }
    }

    private static let integers: [ElementType] = [.int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64]

    @Test(arguments: integers) func floatsSaturateWhereAsked(type: ElementType) throws {
        let x = Tensor(Self.floats + [.nan])
        let kernel = try CastKernel(saturatingTo: type)
        let actual = computed(x, shape: x.shape, type) { kernel.run(from: $0[0], to: $1, count: x.elementCount) }
        #expect(actual == x.converted(to: type))
    }

    /// What ONNX Runtime 1.31 and NumPy give on x86; their last elements, fewer than four, of uint32 differ below −2³¹ and from 2³² on.
    @Test(arguments: [ElementType.float32, .float64]) func floatsThatDoNotFitWrap(type: ElementType) throws {
        let numbers: [Double] = [
            -2.7, -1, 3.9, 256.5, 300, 70000, -129, 65535.9, 2_147_483_520, 2_147_483_648, -2_147_483_904, 4_294_967_040, 4_294_967_296,
            1e10, -1e10, 9.2e18, 1.8e19, 1e20, -1e20, .infinity, -.infinity, .nan,
        ].map { Double(Float($0)) }
        let x = Tensor(numbers, shape: [numbers.count], as: type)
        func wrapped<Number: TensorScalar>(_ type: Number.Type) throws -> [Number] {
            try #require(try Self.cast(x, to: Number.elementType).elements(type))
        }
        let small = [-2, -1, 3, 256, 300, 70000, -129, 65535, 2_147_483_520]
        let zeros = [Int](repeating: 0, count: 13)
        #expect(try wrapped(Int8.self) == (small + zeros).map { Int8(truncatingIfNeeded: $0) })
        #expect(try wrapped(UInt8.self) == [254, 255, 3, 0, 44, 112, 127, 255, 128] + zeros.map { UInt8($0) })
        #expect(try wrapped(Int16.self) == [-2, -1, 3, 256, 300, 4464, -129, -1, -128] + zeros.map { Int16($0) })
        #expect(try wrapped(UInt16.self) == (small + zeros).map { UInt16(truncatingIfNeeded: $0) })
        #expect(try wrapped(Int32.self) == small.map { Int32($0) } + zeros.map { _ in .min })
        let half = 2_147_483_648
        let beyond = [half, half, 4_294_967_040, 0, 0, half, 0, 0, 0, half, 0, half, half]
        #expect(try wrapped(UInt32.self) == (small + beyond).map { UInt32(truncatingIfNeeded: $0) })
        let wide = small + [half, -2_147_483_904, 4_294_967_040, 4_294_967_296, 10_000_000_000, -10_000_000_000, 9_200_000_267_938_955_264]
        #expect(try wrapped(Int64.self) == wide.map { Int64($0) } + zeros.prefix(6).map { _ in .min })
        let last: [UInt64] = [18_000_000_404_716_257_280, 0, 1 << 63, 0, 1 << 63, 1 << 63]
        #expect(try wrapped(UInt64.self) == wide.map { UInt64(truncatingIfNeeded: $0) } + last)
    }

    @Test(arguments: [ElementType.float16, .bfloat16]) func shortFloatsThatDoNotFitWrap(type: ElementType) throws {
        let x = Tensor([-2.7, 300, 65504, .infinity, .nan], shape: [5], as: type)
        let isHalf = type == .float16
        #expect(try Self.cast(x, to: .uint8).integers() == [254, 44, isHalf ? 224 : 0, 0, 0])
        #expect(try Self.cast(x, to: .int16).integers() == [-2, 300, isHalf ? -32 : 0, 0, 0])
        #expect(try Self.cast(x, to: .int64).integers() == [-2, 300, isHalf ? 65504 : 65536, .min, .min])
    }

    @Test func doublesAreCutAsTheyAre() throws {
        let x = Tensor([2.9999999999, 255.99999999, -2_147_483_648.5, 2_147_483_647.5])
        #expect(try Self.cast(x, to: .uint8).integers() == [2, 255, 0, 255])
        #expect(try Self.cast(x, to: .int16).integers() == [2, 255, 0, -1])
        #expect(try Self.cast(x, to: .int32).integers() == [2, 255, -2_147_483_648, 2_147_483_647])
        #expect(try Self.cast(x, to: .int4).integers() == [2, -1, 0, -1])
        #expect(try Self.cast(x, to: .uint2).integers() == [2, 3, 0, 3])
    }

    /// Law: to 16 bits and fewer is to 32 bits, and then the low bits.
    @Test(arguments: [ElementType.int8, .uint8, .int16, .uint16, .int4, .uint4, .int2, .uint2]) func narrowIntegersAreLowBits(type: ElementType) throws {
        var data = RandomGenerator(seed: 11)
        let random = (0..<200_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: data.next())) }
        let x = Tensor(random + (-140_000..<140_000).map { Float($0) / 2 })
        #expect(try Self.cast(x, to: type) == Self.cast(Self.cast(x, to: .int32), to: type))
    }

    @Test func everyHalfDecodesAndEncodes() throws {
        let halves = Tensor((0...UInt16.max).map { Float16(bitPattern: $0) })
        let floats = try Self.cast(halves, to: .float32)
        let exact = halves.elements(Float16.self)!.map { Float($0) }
        for (a, e) in zip(floats.floats(), exact) { #expect(a.bitPattern == e.bitPattern || a.isNaN && e.isNaN) }
        let back = try Self.cast(floats, to: .float16).elements(Float16.self)!
        for (a, e) in zip(back, halves.elements(Float16.self)!) { #expect(a.bitPattern == e.bitPattern || a.isNaN && e.isNaN) }
    }

    @Test func halvesRoundToNearestEven() throws {
        var data = RandomGenerator(seed: 5)
        let x = Tensor((0..<200_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: data.next())) })
        let actual = try Self.cast(x, to: .float16).elements(Float16.self)!
        var wrong = 0
        for (a, value) in zip(actual, x.floats()) where a.bitPattern != Float16(value).bitPattern && !value.isNaN { wrong += 1 }
        #expect(wrong == 0)
    }

    /// The tables of ONNX's Cast.
    @Test func floatsOf8BitsOverflowAsAsked() throws {
        let (inf, nan) = (Float.infinity, Float.nan)
        let x: [Float] = [inf, -inf, nan, 1e6, -1e6, 464, 464.1, 448, 57344, 61440, 61439, 0]
        func cast(_ type: ElementType, _ saturates: Bool) throws -> [Float] {
            let kernel = try CastKernel(from: .float32, to: type, rounding: .init(saturates: saturates))
            let codes = computed(Tensor(x), shape: [x.count], type) { kernel.run(from: $0[0], to: $1, count: x.count) }
            return codes.floats()
        }
        func expectEqual(_ actual: [Float], _ expected: [Float]) {
            for (a, e) in zip(actual, expected) { #expect(a == e || a.isNaN && e.isNaN, "\(actual)") }
        }
        expectEqual(try cast(.float8E4M3FN, true), [448, -448, nan, 448, -448, 448, 448, 448, 448, 448, 448, 0])
        expectEqual(try cast(.float8E4M3FN, false), [nan, nan, nan, nan, nan, 448, nan, 448, nan, nan, nan, 0])
        expectEqual(try cast(.float8E5M2, true), [57344, -57344, nan, 57344, -57344, 448, 448, 448, 57344, 57344, 57344, 0])
        expectEqual(try cast(.float8E5M2, false), [inf, -inf, nan, inf, -inf, 448, 448, 448, 57344, inf, 57344, 0])
    }

    @Test func powersOfTwoRoundAsAsked() throws {
        let x: [Float] = [1, 1.25, 1.5, 1.75, 3, 0, .infinity, .nan, 0x1p-127]
        func cast(_ rounding: MiniFloat.Rounding) throws -> [Float] {
            let kernel = try CastKernel(from: .float32, to: .float8E8M0, rounding: rounding)
            return computed(Tensor(x), shape: [x.count], .float8E8M0) { kernel.run(from: $0[0], to: $1, count: x.count) }.floats()
        }
        #expect(try cast(.init(.up)).prefix(6) == [1, 2, 2, 2, 4, 0x1p-127])
        #expect(try cast(.init(.down)).prefix(6) == [1, 1, 1, 1, 2, 0x1p-127])
        #expect(try cast(.init(.nearest)).prefix(6) == [1, 1, 2, 2, 4, 0x1p-127])
        #expect(try cast(.init(.up)).suffix(3).map { $0.isNaN } == [false, true, false])
        #expect(try cast(.init(.nearest, saturates: false)).suffix(4).map { $0.isNaN } == [true, true, true, false])
    }

    @Test func integersWrap() throws {
        #expect(try Self.cast(Tensor([Int32(300), -1]), to: .uint8).elements(UInt8.self) == [44, 255])
        #expect(try Self.cast(Tensor([Int64(1) << 40 + 5]), to: .int32).elements(Int32.self) == [5])
        #expect(try Self.cast(Tensor([Float.nan, -3.7, 3.7]), to: .int32).elements(Int32.self) == [.min, -3, 3])
    }

    @Test(arguments: [1, 2, 3, 255, 256, 257, 1000], [ElementType.int4, .uint4, .int2, .uint2])
    func packedCodesKeepTheirPlaces(count: Int, type: ElementType) throws {
        let range = try #require(type.integerRange)
        let values = (0..<count).map { Double($0 * 7 % range.count + range.lowerBound) }
        let packed = Tensor(values, shape: [count], as: type)
        #expect(try Self.cast(packed, to: .float32).doubles() == values)
        #expect(try Self.cast(Tensor(values, shape: [count], as: .float32), to: type) == packed)
        #expect(try Self.cast(Tensor(values, shape: [count], as: .int32), to: type) == packed)
    }
}
