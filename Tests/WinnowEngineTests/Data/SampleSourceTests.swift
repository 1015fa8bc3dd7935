import Synchronization
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor

@testable import WinnowEngine

/// Rows of a tensor that are counted as they are read, and cannot be read where they are named.
private final class CountedRows: SampleSource {
    let tensor: Tensor
    let broken: Set<Int>
    let reads = Mutex<[Int]>([])

    init(_ tensor: Tensor, broken: Set<Int> = []) { (self.tensor, self.broken) = (tensor, broken) }

    var count: Int { tensor.shape[0] }
    var sampleShape: Shape { Shape(Array(tensor.shape.dropFirst())) }
    var elementType: ElementType { tensor.elementType }

    func sample(at row: Int) throws -> Tensor {
        reads.withLock { $0.append(row) }
        guard !broken.contains(row) else { throw WinnowError(.file, "row \(row)", "is gone") }
        return tensor.rows(row..<(row + 1))
    }
}

@Suite struct SampleSourceTests {
    private func numbers(_ count: Int, _ shape: Shape, _ type: ElementType = .float32, seed: UInt64 = 1) -> Tensor {
        var random = RandomGenerator(seed: seed)
        return Tensor((0..<(count * shape.elementCount)).map { _ in Double(random.next() % 250) }, shape: Shape([count]) + shape, as: type)
    }

    private func pair(_ tensor: Tensor, labels: [Int]? = nil, scale: Float = 1) throws -> (memory: Dataset, read: Dataset, source: CountedRows) {
        let source = CountedRows(tensor)
        return (
            try Dataset([.init(name: "x", tensor, scale: scale)], labels: labels),
            try Dataset([.init(name: "x", parts: [SampleRows(source)], scale: scale)], labels: labels), source
        )
    }

    /// Whatever is asked of data gives the same whether they are in memory or read.
    @Test(arguments: [ElementType.float32, .uint8, .float64, .int32]) func readSamplesAreThoseInMemory(_ type: ElementType) throws {
        let (memory, read, _) = try pair(numbers(40, [2, 3], type), labels: (0..<40).map { $0 % 3 })
        #expect(try memory.fingerprint == read.fingerprint)
        #expect(try memory.contentHashes() == read.contentHashes())
        let splits = try [memory, read].map { try #require(try ContentSplit($0)) }
        #expect(try splits[0].training.fingerprint == splits[1].training.fingerprint && splits[0].test.labels == splits[1].test.labels)
        let b = GraphBuilder("echo")
        let x = try b.input("x", type.isInteger && type != .uint8 ? .int64 : .float32, ["N", 6])
        let graph = try b.graph(outputs: [b.add(Identity(), x)])
        for change in [{ $0 }, { $0.drawn(17, seed: 4) }, { $0.selecting([3, 3, 39, 0]) }] as [(Dataset) -> Dataset] {
            let (a, c) = try (change(memory).adapted(to: graph), change(read).adapted(to: graph))
            #expect(try a.batch(at: [2, 0, 3]) == c.batch(at: [2, 0, 3]) && a.batchShapes(count: 5) == c.batchShapes(count: 5))
            #expect(try a.fingerprint == c.fingerprint && a.features[0].tensor == c.features[0].tensor)
        }
    }

    @Test func channelsMayBeTurned() throws {
        let (memory, read, _) = try pair(numbers(5, [4, 6, 3]))
        #expect(try memory.channelsFirst().features[0].tensor == read.channelsFirst().features[0].tensor)
    }

    /// A fingerprint reads each sample once, however often it is asked for, and not at all where what it is made of is known.
    @Test func fingerprintsReadOnce() throws {
        let (memory, read, source) = try pair(numbers(9, [4]))
        for _ in 0..<3 { #expect(try read.fingerprint == memory.fingerprint) }
        #expect(try read.selecting([4, 2]).fingerprint == memory.selecting([4, 2]).fingerprint)
        #expect(source.reads.withLock { $0.sorted() } == Array(0..<9))
        let hashes = (0..<9).map { row in
            var hash = ContentHash()
            hash.add(row: row, of: source.tensor)
            return hash
        }
        let unread = CountedRows(source.tensor)
        let known = try Dataset([.init(name: "x", parts: [SampleRows(unread, hashes: hashes)])])
        #expect(try known.fingerprint == memory.fingerprint && unread.reads.withLock { $0.isEmpty })
    }

    /// What is expected is read once, by whichever thread comes first; what is not any more is forgotten.
    @Test func expectedSamplesAreReadOnce() throws {
        let source = CountedRows(numbers(200, [8]))
        let reader = SampleReader(source)
        var order = Array(0..<200)
        var random = RandomGenerator(seed: 3)
        order.shuffle(using: &random)
        for start in stride(from: 0, to: 200, by: 20) {
            reader.expect(Array(order[start..<min(200, start + 40)]))
            for row in order[start..<(start + 20)] { #expect(try reader.sample(at: row) == source.tensor.rows(row..<(row + 1))) }
        }
        #expect(source.reads.withLock { $0.sorted() } == Array(0..<200))
        reader.expect([])
        #expect(try reader.sample(at: 7) == source.tensor.rows(7..<8))
        #expect(source.reads.withLock { $0.count } == 201)
    }

    @Test func whatCannotBeReadIsSaid() throws {
        let source = CountedRows(numbers(6, [2]), broken: [4])
        let data = try Dataset([.init(name: "x", parts: [SampleRows(source)])])
        data.features[0].expect(0..<6)
        #expect(throws: Never.self) { try data.batch(at: [0, 1, 2, 3, 5]) }
        for _ in 0..<2 {
            let error = #expect(throws: WinnowError.self) { try data.batch(at: [3, 4]) }
            #expect(error?.subject == "row 4")
        }
        #expect(throws: WinnowError.self) { try data.fingerprint }
    }

    @Test func shardsFollowEachOther() throws {
        let whole = numbers(11, [3], .int64)
        let shards = [whole.rows(0..<4), whole.rows(4..<4), whole.rows(4..<5), whole.rows(5..<11)].enumerated().map { index, part in
            index % 2 == 0 ? SampleRows(part) : SampleRows(CountedRows(part))
        }
        let rows = SampleRows(ConcatenatedRows(shards))
        #expect(rows.shape == [11, 3] && rows.elementType == .int64)
        #expect(try rows.tensor() == whole)
    }

    @Test func classesBecomeProbabilities() throws {
        #expect(try SampleRows(OneHotRows([2, 0], width: 3)).tensor() == Tensor([0, 0, 1, 1, 0, 0] as [Float], shape: [2, 3]))
        #expect(throws: WinnowError.self) { try OneHotRows([0, 3], width: 3) }
    }
}
