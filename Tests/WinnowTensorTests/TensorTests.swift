import Testing
import WinnowTensor

@Suite struct TensorTests {
    @Test func writingASharedTensorLeavesTheOtherAlone() {
        let original = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        var copy = original
        copy.withMutableElements(Float.self) { $0[0] = 9 }
        #expect(original.elements(Float.self) == [1, 2, 3, 4])
        #expect(copy.elements(Float.self) == [9, 2, 3, 4])
    }

    @Test func rowsShareStorageUntilWritten() {
        let matrix = Tensor((0..<12).map(Float.init), shape: [4, 3])
        var middle = matrix.rows(1..<3)
        #expect(middle.elements(Float.self) == [3, 4, 5, 6, 7, 8])
        middle.withMutableElements(Float.self) { $0[0] = -1 }
        #expect(matrix.elements(Float.self)?[3] == 3)
        #expect(matrix.rows(at: [3, 0]).elements(Float.self) == [9, 10, 11, 0, 1, 2])
        #expect(matrix.selecting([2, 0], axis: 1).elements(Float.self) == [2, 0, 5, 3, 8, 6, 11, 9])
    }

    @Test(arguments: [1 << 17, 1 << 18, 1 << 19]) func spilledTensorsAreTheSameAndTheirOwn(count: Int) {
        let original = Tensor((0..<count).map(Float.init))
        let spilled = original.spilled()
        #expect(spilled == original)
        var changed = spilled
        changed.withMutableElements(Float.self) { $0[count - 1] = -1 }
        #expect(changed.doubles(in: (count - 2)..<count) == [Double(count - 2), -1])
        #expect(spilled == original)
    }

    @Test(arguments: ElementType.allCases) func piecesMakeTheWhole(_ type: ElementType) {
        let tensor = Tensor((0..<70_001).map { Double($0 % 5) }, shape: [70_001], as: type)
        #expect(tensor.pieces.count == 2)
        #expect(tensor.pieces.flatMap { tensor.doubles(in: $0) } == tensor.doubles())
    }

    @Test(arguments: ElementType.allCases) func everyElementTypeHoldsZeroAndOne(_ type: ElementType) {
        let tensor = Tensor([0, 1, 1, 0, 1], shape: [5], as: type)
        #expect(tensor.byteCount == (5 * type.bitWidth + 7) / 8)
        // E8M0 has no zero: its smallest value stands for it.
        let first = type == .float8E8M0 ? 0x1p-127 : 0
        #expect(tensor.doubles() == [first, 1, 1, first, 1])
        #expect(ElementType(named: type.description) == type)
    }

    /// Codes, small floats among them, are no weights as they were trained.
    @Test func weightsAreStoredAsWideFloats() {
        #expect(Set(ElementType.allCases.filter(\.storesWeights)) == [.float32, .float16, .bfloat16, .float64])
    }

    @Test func conversionSaturatesAndRounds() {
        let source = Tensor([-300, -0.6, 0.4, 2.5, 300, .nan] as [Double])
        #expect(source.converted(to: .int8).integers() == [-128, 0, 0, 2, 127, 0])
        #expect(source.converted(to: .uint8).integers() == [0, 0, 0, 2, 255, 0])
        #expect(source.converted(to: .int4).integers()[0] == -8)
        #expect(Tensor([1.00390625, 1.01171875] as [Double]).converted(to: .bfloat16).doubles() == [1, 1.015625])
    }

    @Test func fourBitElementsPackLowNibbleFirst() {
        let tensor = Tensor([1, -2, 7] as [Double], shape: [3], as: .int4)
        tensor.withUnsafeBytes { #expect(Array($0) == [0xE1, 0x07]) }
        #expect(tensor.integers() == [1, -2, 7])
    }

    @Test func e2m1RoundsToNearestEven() {
        let pairs: [(Double, Double)] = [
            (0.25, 0), (0.75, 1), (1.25, 1), (1.75, 2), (2.5, 2), (3.5, 4), (5, 4), (7, 6), (-0.3, -0.5),
        ]
        let tensor = Tensor(pairs.map(\.0), shape: [pairs.count], as: .float4E2M1)
        #expect(tensor.doubles() == pairs.map(\.1))
    }
}

@Suite struct PermutationTests {
    /// Law: a permuted copy has element (i₀ … iₙ) where the source has it, for every order of axes.
    @Test func permutedElementsStayWhereTheyBelong() {
        let shape: Shape = [2, 3, 1, 4]
        let source = Tensor((0..<24).map { Int32($0) }, shape: shape)
        for order in permutations([0, 1, 2, 3]) {
            let result = source.transposed(order)
            let strides = shape.strides
            let target = result.shape
            let values = result.elements(Int32.self) ?? []
            for flat in 0..<24 {
                var rest = flat
                var origin = 0
                for (position, stride) in target.strides.enumerated() {
                    origin += rest / stride * strides[order[position]]
                    rest %= stride
                }
                #expect(values[flat] == Int32(origin))
            }
        }
    }

    /// Bytes cross over in groups.
    @Test(arguments: [1, 3, 4, 6, 13]) func bytesChangeLayoutsAsWordsDo(channels: Int) {
        let shape: Shape = [2, channels, 5, 9]
        func reordered<Word: FixedWidthInteger>(_ type: Word.Type) -> [Word] {
            let source = (0..<shape.elementCount).map { Word(truncatingIfNeeded: $0 & 255) }
            var result = [Word](repeating: 0, count: source.count)
            Layout.rowMajor.reorder(to: .channelsLast, shape: shape, elementByteCount: MemoryLayout<Word>.size).copy(from: source, to: &result)
            return result
        }
        #expect(reordered(UInt8.self).map { UInt16($0) } == reordered(UInt16.self))
    }

    @Test func layoutsUndoEachOther() {
        let shape: Shape = [2, 3, 4, 5]
        let there = Layout.rowMajor.reorder(to: .channelsLast, shape: shape, elementByteCount: 4)
        let back = Layout.channelsLast.reorder(to: .rowMajor, shape: shape, elementByteCount: 4)
        let source = (0..<120).map(Float.init)
        var middle = [Float](repeating: 0, count: 120)
        var result = middle
        there.copy(from: source, to: &middle)
        back.copy(from: middle, to: &result)
        #expect(result == source)
        #expect(middle[1] == source[20])
        #expect(!there.isIdentity)
        #expect(Layout.rowMajor.reorder(to: .channelsLast, shape: [7, 1, 4, 4], elementByteCount: 4).isIdentity)
    }

    private func permutations(_ items: [Int]) -> [[Int]] {
        items.isEmpty ? [[]] : items.flatMap { first in permutations(items.filter { $0 != first }).map { [first] + $0 } }
    }
}

@Suite struct ShapeTests {
    @Test func broadcastingFollowsNumPy() {
        #expect(Shape([2, 3]).broadcast(with: [3]) == [2, 3])
        #expect(Shape([4, 1, 3]).broadcast(with: [2, 1]) == [4, 2, 3])
        #expect(Shape([]).broadcast(with: [2]) == [2])
        #expect(Shape([2, 3]).broadcast(with: [2]) == nil)
    }
}

@Suite struct RandomGeneratorTests {
    @Test func aSeedGivesTheSameNumbersAndStreamsDiffer() {
        var a = RandomGenerator(seed: 7)
        var b = RandomGenerator(seed: 7)
        var c = RandomGenerator(seed: 7, stream: 1)
        let first = (0..<100).map { _ in a.next() }
        #expect(first == (0..<100).map { _ in b.next() })
        #expect(first != (0..<100).map { _ in c.next() })
    }

    @Test func normalNumbersHaveUnitVariance() {
        var generator = RandomGenerator(seed: 1)
        let values = (0..<20_000).map { _ in Double(generator.normal()) }
        let mean = values.reduce(0, +) / 20_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        #expect(abs(mean) < 0.03 && abs(variance - 1) < 0.04)
    }

    /// Elements of 4 bits move like those of a byte, also where rows begin within one.
    @Test(arguments: [ElementType.int4, .uint4, .float4E2M1, .int2, .uint2]) func smallElementsMove(type: ElementType) {
        let values = (0..<15).map { Double($0 % 5) }
        let (packed, wide) = (Tensor(values, shape: [3, 5], as: type), Tensor(values, shape: [3, 5], as: type).converted(to: .float32))
        func areEqual(_ a: Tensor, _ b: Tensor) -> Bool { a.elementType == type && a.shape == b.shape && a.doubles() == b.doubles() }
        #expect(areEqual(packed.transposed([1, 0]), wide.transposed([1, 0])))
        #expect(areEqual(packed.rows(1..<3), wide.rows(1..<3)) && areEqual(packed.rows(at: [2, 0]), wide.rows(at: [2, 0])))
        #expect(areEqual(packed.selecting([4, 1, 1], axis: 1), wide.selecting([4, 1, 1], axis: 1)))
    }
}
