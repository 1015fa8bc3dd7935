import Testing
import WinnowKernels
import WinnowTensor

@Suite struct MovementTests {
    static let wholeByteTypes: [ElementType] = [.uint8, .float16, .float32, .int64]

    static func count(_ shape: Shape, _ type: ElementType) -> Tensor {
        Tensor((0..<shape.elementCount).map { Double($0 % 251) }, shape: shape, as: type)
    }

    @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 3, 2], [2, 3, 0, 1]], wholeByteTypes)
    func transposeMatchesTensor(permutation: [Int], type: ElementType) throws {
        for shape in [Shape([2, 3, 4, 5]), [1, 19, 1, 40], [3, 33, 17, 2]] {
            let x = Self.count(shape, type)
            let copy = try StridedCopy.transpose(shape, permutation, type)
            #expect(copy.apply(x, shape.permuted(permutation)) == x.transposed(permutation))
        }
    }

    @Test func reorderAgreesWithLayout() throws {
        var data = TestTensors(seed: 1)
        let x = data.normal([3, 20, 24, 24])
        let copy = try StridedCopy.reorder(x.shape, from: .rowMajor, to: .channelsLast, .float32)
        #expect(copy.apply(x, x.shape) == x.laid(out: .channelsLast))
        let back = try StridedCopy.reorder(x.shape, from: .channelsLast, to: .rowMajor, .float32)
        #expect(back.apply(copy.apply(x, x.shape), x.shape) == x)
    }

    @Test(arguments: wholeByteTypes) func slices(type: ElementType) throws {
        let shape: Shape = [4, 5, 6]
        let x = Self.count(shape, type)
        let (starts, steps, extents) = ([3, 0, 5], [-1, 2, -2], [4, 3, 3])
        let copy = try StridedCopy.slice(shape, starts: starts, steps: steps, extents: extents, type)
        let expected = (0..<36).map { index in
            let place = zip(zip(coordinates(index, Shape(extents)), steps), starts).map { $0.0 * $0.1 + $1 }
            return x.doubles()[position(place, shape)]
        }
        #expect(copy.apply(x, Shape(extents)).doubles() == expected)
    }

    @Test func reversesARow() throws {
        let copy = try StridedCopy.slice([5], starts: [4], steps: [-1], extents: [5], .int32)
        #expect(copy.apply(Tensor([Int32(1), 2, 3, 4, 5]), [5]).elements(Int32.self) == [5, 4, 3, 2, 1])
    }

    @Test func concatAndSplitAreInverse() throws {
        var data = TestTensors(seed: 2)
        let parts = [data.normal([2, 3, 4]), data.normal([2, 1, 4]), data.normal([2, 5, 4])]
        let whole: Shape = [2, 9, 4]
        let block = Block(whole)
        var start = 0
        for part in parts {
            try StridedCopy.insert(part.shape, into: whole, at: [0, start, 0], .float32).run(from: part.pointer, to: block.base)
            start += part.shape[1]
        }
        let joined = Tensor(storage: block.storage, shape: whole, .float32)
        start = 0
        for part in parts {
            let copy = try StridedCopy.slice(whole, starts: [0, start, 0], steps: [1, 1, 1], extents: part.shape.extents, .float32)
            #expect(copy.apply(joined, part.shape) == part)
            start += part.shape[1]
        }
    }

    @Test func expandRepeats() throws {
        let x = Tensor([Float(1), 2, 3], shape: [3, 1])
        let copy = try StridedCopy.expand([3, 1], to: [2, 3, 2], .float32)
        #expect(copy.apply(x, [2, 3, 2]).floats() == [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3])
        #expect(throws: WinnowError.self) { try StridedCopy.expand([3, 2], to: [3, 1], .float32) }
    }

    static let padCases: [(PadKernel.Mode, [Int32])] = [
        (.constant, [9, 9, 1, 2, 3, 9, 9]), (.edge, [1, 1, 1, 2, 3, 3, 3]), (.reflect, [3, 2, 1, 2, 3, 2, 1]),
        (.wrap, [2, 3, 1, 2, 3, 1, 2]),
    ]

    @Test(arguments: padCases) func pads(mode: PadKernel.Mode, expected: [Int32]) throws {
        let kernel = try PadKernel([3], before: [2], after: [2], mode: mode, .int32)
        var nine = Int32(9)
        let actual = withUnsafePointer(to: &nine) { nine in
            computed(Tensor([Int32(1), 2, 3]), shape: [7], .int32) { kernel.run(from: $0[0], to: $1, constant: nine) }
        }
        #expect(actual.elements(Int32.self) == expected)
    }

    /// Negative pads take elements away before others are copied.
    @Test(arguments: [PadKernel.Mode.edge, .reflect, .wrap]) func cropsBeforeItPads(mode: PadKernel.Mode) throws {
        var generator = RandomGenerator(seed: 8)
        for _ in 0..<60 {
            let shape: Shape = [Int.random(in: 3...6, using: &generator), Int.random(in: 3...6, using: &generator)]
            let pads = (0..<4).map { _ in Int.random(in: -1...4, using: &generator) }
            let x = Self.count(shape, .float32)
            func padded(_ x: Tensor, _ before: [Int], _ after: [Int]) throws -> Tensor {
                let kernel = try PadKernel(x.shape, before: before, after: after, mode: mode, .float32)
                let target = Shape(x.shape.indices.map { x.shape[$0] + before[$0] + after[$0] })
                return computed(x, shape: target, .float32) { kernel.run(from: $0[0], to: $1) }
            }
            let (before, after) = (Array(pads[..<2]), Array(pads[2...]))
            let cropped = try padded(x, before.map { min($0, 0) }, after.map { min($0, 0) })
            #expect(try padded(x, before, after) == padded(cropped, before.map { max($0, 0) }, after.map { max($0, 0) }), "\(shape) \(pads)")
        }
        #expect(throws: WinnowError.self) { try PadKernel([3], before: [-3], after: [1], mode: mode, .float32) }
    }

    @Test func padsAndCropsImages() throws {
        let x = Self.count([2, 3, 3], .float32)
        let kernel = try PadKernel(x.shape, before: [0, 1, -1], after: [0, 0, 2], mode: .constant, .float32)
        let actual = computed(x, shape: [2, 4, 4], .float32) { kernel.run(from: $0[0], to: $1) }
        #expect(actual.floats() == [0, 0, 0, 0, 1, 2, 0, 0, 4, 5, 0, 0, 7, 8, 0, 0, 0, 0, 0, 0, 10, 11, 0, 0, 13, 14, 0, 0, 16, 17, 0, 0])
    }

    @Test(arguments: [0, 1, 2], [ElementType.int32, .int64]) func gathersAndScattersBack(axis: Int, indexType: ElementType) throws {
        var data = TestTensors(seed: 5)
        let x = data.normal([3, 4, 5])
        let indices = Tensor([2.0, 0, -1, 2], shape: [4], as: indexType)
        var target = x.shape
        target[axis] = 4
        let kernel = try GatherKernel(x.shape, axis: axis, indexCount: 4, indexType: indexType, .float32)
        let actual = try computed(x, indices, shape: target, .float32) { try kernel.run($0[0], indices: $0[1], to: $1) }
        #expect(actual == x.selecting([2, 0, x.shape[axis] - 1, 2], axis: axis))

        let back = try GatherGradientKernel(x.shape, axis: axis, indexCount: 4, indexType: indexType, .float32)
        let gradient = try computed(actual, indices, shape: x.shape, .float32) { try back.run(gradient: $0[0], indices: $0[1], to: $1) }
        let times = (0..<x.shape[axis]).map { i in [2, 0, x.shape[axis] - 1, 2].count { $0 == i } }
        for (index, value) in gradient.floats().enumerated() {
            let expected = Float(times[coordinates(index, x.shape)[axis]]) * x.floats()[index]
            #expect(abs(value - expected) < 1e-6)
        }
    }

    @Test func elementsGatherAndScatter() throws {
        let x = Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])
        let indices = Tensor([Int64(2), 0, 1, -1], shape: [2, 2])
        let gather = try GatherElementsKernel([2, 3], indices: [2, 2], axis: 1, indexType: .int64, .float32)
        let picked = try computed(x, indices, shape: [2, 2], .float32) { try gather.run($0[0], indices: $0[1], to: $1) }
        #expect(picked.floats() == [3, 1, 5, 6])
        let scatter = try ScatterElementsKernel([2, 3], indices: [2, 2], axis: 1, .add, indexType: .int64, .float32)
        let summed = try computed(x, indices, picked, shape: [2, 3], .float32) {
            $1.copyMemory(from: $0[0], byteCount: 24)
            try scatter.run(updates: $0[2], indices: $0[1], into: $1)
        }
        #expect(summed.floats() == [2, 2, 6, 4, 10, 12])
    }

    @Test func tuplesGatherAndScatter() throws {
        let x = Tensor([Float(0), 1, 2, 3, 4, 5, 6, 7], shape: [2, 2, 2])
        let indices = Tensor([Int64(1), 0, 0, 1], shape: [2, 2])
        let kernel = try TupleIndexKernel(x.shape, indices: [2, 2], .max, indexType: .int64, .float32)
        let picked = try computed(x, indices, shape: [2, 2], .float32) { try kernel.gather($0[0], indices: $0[1], to: $1) }
        #expect(picked.floats() == [4, 5, 2, 3])
        let updates = Tensor([Float(9), 0, 0, 9])
        let written = try computed(x, indices, updates, shape: x.shape, .float32) {
            $1.copyMemory(from: $0[0], byteCount: 32)
            try kernel.scatter(updates: $0[2], indices: $0[1], into: $1)
        }
        #expect(written.floats() == [0, 1, 2, 9, 9, 5, 6, 7])
    }

    @Test func indicesOutOfRangeThrow() throws {
        let x = Self.count([3], .float32)
        let kernel = try GatherKernel([3], axis: 0, indexCount: 1, indexType: .int64, .float32)
        for index in [Int64(3), -4] {
            #expect(throws: WinnowError.self) {
                try computed(x, Tensor([index]), shape: [1], .float32) { try kernel.run($0[0], indices: $0[1], to: $1) }
            }
        }
        #expect(throws: WinnowError.self) { try GatherKernel([3], axis: 0, indexCount: 1, indexType: .float32, .float32) }
    }
}
