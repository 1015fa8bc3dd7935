import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct DatasetTests {
    private func graph(_ extents: [Extent], _ type: ElementType = .float32) throws -> Graph {
        let b = GraphBuilder("echo")
        let x = try b.input("x", type, extents)
        return try b.graph(outputs: [b.add(Identity(), x)])
    }

    private func shape(of sample: Shape, in extents: [Extent]) throws -> Shape? {
        let data = try Dataset([.init(name: "x", Tensor(zeros: [2] + sample))])
        return try? data.adapted(to: graph(["N"] + extents)).features[0].sampleShape(at: 0)
    }

    /// Axes of 1 come and go, neighbours are flattened and unfolded.
    @Test(arguments: [
        ([28, 28], [1, 28, 28]), ([1, 28, 28], [784]), ([784], [1, 28, 28]), ([3, 4, 5], [3, 20]), ([60], [3, 4, 5]), ([4, 1], [4]),
        ([8, 8, 3], [192]),
    ]) func arraysAreFlattenedAndUnfolded(own: [Int], wanted: [Int]) throws {
        #expect(try shape(of: Shape(own), in: wanted.map { .fixed($0) }) == Shape(wanted))
    }

    /// Samples without axes are told as what they are.
    @Test func samplesOfSingleNumbersAreNamed() throws {
        let b = GraphBuilder("vector")
        let graph = try b.graph(outputs: [b.add(MatMul(), b.input("x", .float32, [16]), b.constant("w", Tensor(zeros: [16, 8])))])
        let error = #expect(throws: WinnowError.self) { try Dataset([.init(name: "x", Tensor(zeros: [40]))]).adapted(to: graph) }
        #expect(error?.problem == "has samples of single numbers, but input x takes float32[16]")
    }

    /// Layouts are never mixed up, though the elements are as many.
    @Test(arguments: [
        ([8, 8, 3], [3, 8, 8]), ([3, 8, 8], [8, 8, 3]), ([2, 2, 4], [4, 2, 2]), ([4, 6], [6, 4]), ([2, 6], [3, 4]), ([5], [6]),
    ]) func axesAreNeverMixedUp(own: [Int], wanted: [Int]) throws {
        #expect(try shape(of: Shape(own), in: wanted.map { .fixed($0) }) == nil)
    }

    /// Floats that would become infinite are refused; those that are stay.
    @Test(arguments: [(1e39, ElementType.float32), (-1e300, .float32), (70_000, .float16)])
    func overflowingFloatsAreRefused(number: Double, type: ElementType) throws {
        func adapted(_ numbers: [Double]) throws -> Dataset {
            try Dataset([.init(name: "x", Tensor(numbers, shape: [1, 3]))]).adapted(to: graph(["N", 3], type))
        }
        let error = #expect(throws: WinnowError.self) { try adapted([1, number, 2]) }
        #expect(error?.problem.contains("larger than \(type)") == true)
        let kept = try adapted([1, .infinity, .nan]).features[0].tensor.doubles()
        #expect(kept[1] == .infinity && kept[2].isNaN)
    }

    @Test func openExtentsTakeWhatComes() throws {
        #expect(try shape(of: [3, 5, 7], in: [3, "H", "W"]) == [3, 5, 7])
        #expect(try shape(of: [5, 7], in: [1, "H", "W"]) == [1, 5, 7])
        #expect(try shape(of: [5, 7, 3], in: [3, "H", "W"]) == nil)
        #expect(try shape(of: [7], in: ["T", 4]) == nil)
    }

    @Test func channelsLastIsNamedAndTurnedOnRequest() throws {
        let values = (0..<36).map { Float($0) }
        let data = try Dataset([.init(name: "x", Tensor(values, shape: [1, 3, 4, 3]))])
        let graph = try graph(["N", 3, "H", "W"])
        let turned = try data.channelsFirst().adapted(to: graph)
        #expect(turned.features[0].sampleShape(at: 0) == [3, 3, 4])
        #expect(try turned.batch(at: [0])["x"]?.floats().prefix(2) == [0, 3])
        let wide = try Dataset([.init(name: "x", Tensor(zeros: [1, 8, 6, 3]))])
        let error = #expect(throws: WinnowError.self) { try wide.adapted(to: graph) }
        #expect(error?.remedy.contains("--layout nhwc") == true)
    }

    /// Whole numbers that a narrower type would change are refused in words.
    @Test func numbersThatDoNotFitAreRefused() throws {
        let graph = try graph(["N", 1], .int32)
        let exact = try Dataset([.init(name: "x", Tensor([0x1p30, -5], shape: [2, 1], as: .int64))]).adapted(to: graph)
        #expect(try exact.batch(at: [0])["x"]?.doubles() == [0x1p30])
        let error = #expect(throws: WinnowError.self) {
            try Dataset([.init(name: "x", Tensor([1, 0x1p33], shape: [2, 1], as: .int64))]).adapted(to: graph)
        }
        #expect(error?.description.contains("int32, which input x takes, does not hold exactly") == true)
    }

    /// Floats are no whole numbers, nor whole numbers floats or truth values.
    @Test(arguments: [(ElementType.float32, ElementType.int64), (.int64, .bool), (.int64, .uint8), (.int32, .float32), (.bool, .float32)])
    func otherKindsOfNumbersAreRefused(own: ElementType, wanted: ElementType) throws {
        let data = try Dataset([.init(name: "x", Tensor([1, 0], shape: [2, 1], as: own))])
        #expect(throws: WinnowError.self) { try data.adapted(to: graph(["N", 1], wanted)) }
    }

    /// Samples that end within a byte are taken apart where they end.
    @Test(arguments: [1, 2, 3, 5]) func samplesMayTakeHalfBytes(width: Int) throws {
        let values = (0..<(6 * width)).map { Double($0 % 16) }
        let data = try Dataset([.init(name: "x", Tensor(values, shape: [6, width], as: .uint4))])
        for indices in [[0, 1, 2, 3, 4, 5], [5, 1, 1], [3], [2, 0, 4, 4, 5]] {
            let expected = indices.flatMap { row in (0..<width).map { Double((row * width + $0) % 16) } }
            #expect(try data.batch(at: indices)["x"]?.doubles() == expected)
            #expect(try data.selecting(indices).features[0].tensor.doubles() == expected)
        }
    }

    /// Batches hold each sample once and only one shape; a fixed batch is filled up.
    @Test func samplesOfSeveralShapesGoInBatchesOfOne() throws {
        let parts = [SampleRows(Tensor(zeros: [3, 2])), SampleRows(Tensor(zeros: [2, 5]))]
        let places = [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)].map { Dataset.Feature.Place(part: $0.0, row: $0.1) }
        let data = try Dataset([.init(name: "x", parts: parts, places: places)])
        let batches = try data.batches(of: 2, for: graph(["N", "T"]))
        #expect(batches.map(\.indices) == [[0, 2], [3], [1, 4]])
        #expect(batches.map { data.shapes(of: $0)["x"] } == [[2, 2], [1, 2], [2, 5]])
        let filled = try DrawingTests.numbered(5).batches(of: 100, for: graph([3, 1]))
        #expect(filled.map(\.indices) == [[0, 1, 2], [3, 4, 4]] && filled.map(\.count) == [3, 2])
    }

    /// A model that takes bytes gets them unscaled.
    @Test func bytesStayBytes() throws {
        let b = GraphBuilder("bytes")
        let x = try b.input("x", .uint8, ["N", 3])
        let graph = try b.graph(outputs: [b.add(Cast(to: .float32), x)])
        let data = try Dataset([.init(name: "x", Tensor([1, 2, 255, 4, 5, 6] as [UInt8], shape: [2, 3]), scale: 1 / 255)])
        let batch = try data.adapted(to: graph).batch(at: [1, 0])
        #expect(batch["x"] == Tensor([4, 5, 6, 1, 2, 255] as [UInt8], shape: [2, 3]))
    }
}
