import Testing
import WinnowTensor

/// Sizes from files: what does not fit stays at the end of the range.
@Suite struct SaturatingArithmeticTests {
    private static let numbers = [0, 1, -1, 2, -3, 1 << 20, 1 << 31, -(1 << 40), 1 << 62, .max, .max - 1, .min, .min + 1]

    /// Law: the exact result, cut to the range.
    @Test(arguments: numbers, numbers) func resultsAreExactOrAtTheEnd(a: Int, b: Int) {
        func cut(_ exact: Int128) -> Int { Int(min(max(exact, Int128(Int.min)), Int128(Int.max))) }
        let (x, y) = (Int128(a), Int128(b))
        #expect(a +| b == cut(x + y))
        #expect(a -| b == cut(x - y))
        #expect(a *| b == cut(x * y))
    }

    @Test func placesAreCutWithRoomForSums() {
        #expect([5, -5, 1 << 40].map(\.cutToPlaces) == [5, -5, 1 << 40])
        #expect(Int.max.cutToPlaces == 1 << 40 && Int.min.cutToPlaces == -(1 << 40))
        #expect(Int(place: Double.nan) == 0 && Int(place: Float.infinity) == 1 << 40 && Int(place: -1e300) == -(1 << 40))
        #expect(Int(place: -2.7) == -2)
    }

    @Test func floatsBecomeIntegersOfEveryWidth() {
        #expect(UInt8(saturating: 300) == 255 && UInt8(saturating: -1) == 0 && UInt8(saturating: .nan) == 0)
        #expect(Int64(saturating: 1e30) == .max && Int64(saturating: -.infinity) == .min)
        let codes = Tensor([.nan, -100, 100, 2.5], shape: [4], as: .int4)
        #expect(codes.doubles() == [0, -8, 7, 2])
    }
}

@Suite(.serialized) struct MemoryBudgetTests {
    @Test func moreThanThereIsIsRefusedByName() throws {
        let budget = MemoryBudget.byteCount
        defer { MemoryBudget.byteCount = budget }
        #expect(budget > 0)
        MemoryBudget.byteCount = 1 << 20
        try MemoryBudget.check(1 << 20, for: "a tensor")
        #expect(throws: WinnowError.self) { try MemoryBudget.check(1 << 20 + 1, for: "a tensor") }
    }
}
