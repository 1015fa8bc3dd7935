import Testing
import WinnowEngine
import WinnowTensor

@Suite struct DrawingTests {
    /// Samples that hold their own number, with these labels.
    static func numbered(_ count: Int, labels: [Int]? = nil) throws -> Dataset {
        try Dataset([.init(name: "x", Tensor((0..<count).map(Float.init), shape: [count, 1]))], labels: labels)
    }

    static func numbers(_ data: Dataset) throws -> [Int] {
        try data.batch(at: Array(0..<data.count)).values.first?.floats().map { Int($0) } ?? []
    }

    @Test(arguments: [1, 7, 64, 999]) func drawsWithoutRepeatingTheSameForTheSameSeed(count: Int) throws {
        let data = try Self.numbered(1000)
        let drawn = try Self.numbers(data.drawn(count, seed: 3))
        #expect(drawn.count == count && Set(drawn).count == count && drawn == drawn.sorted())
        #expect(try drawn == Self.numbers(data.drawn(count, seed: 3)))
        if count < 999 { #expect(try drawn != Self.numbers(data.drawn(count, seed: 4))) }
    }

    @Test func allSamplesAreThereWhenAsManyAreWanted() throws {
        let data = try Self.numbered(20)
        #expect(try Self.numbers(data.drawn(20)) == Array(0..<20) && Self.numbers(data.drawn(1_000_000)) == Array(0..<20))
    }

    /// However the classes lie and whatever their sizes, each has its share to within one sample, and at least one.
    @Test(arguments: [[500, 500], [990, 10], [1, 1, 998], [100, 200, 300, 400]], [4, 50, 333]) func classesKeepTheirShares(
        sizes: [Int], count: Int
    ) throws {
        let labels = sizes.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        let drawn = try Self.numbered(labels.count, labels: labels).drawn(count)
        #expect(drawn.count == count)
        for (kind, size) in sizes.enumerated() {
            let own = drawn.labels?.count { $0 == kind } ?? 0
            let share = Double(count * size) / Double(labels.count)
            #expect(own >= 1 && (abs(Double(own) - share) <= 1 || own == 1 || sizes.contains(1)), "\(kind)")
        }
    }

    /// One sample from every tenth of the data: no file that fills a tenth is passed over.
    @Test func samplesComeFromAllOverTheData() throws {
        let drawn = try Self.numbers(Self.numbered(1000).drawn(10))
        #expect(drawn.map { $0 / 100 } == Array(0..<10))
    }

    @Test func labelsFollowTheirSamples() throws {
        let data = try Self.numbered(90, labels: (0..<90).map { $0 % 3 }).drawn(30)
        #expect(try zip(Self.numbers(data), data.labels ?? []).allSatisfy { $0 % 3 == $1 })
    }
}

@Suite struct ContentSplitTests {
    private func places(_ data: Dataset) throws -> [Int: Int] {
        let split = try #require(try ContentSplit(data))
        let parts = [split.training, split.validation, split.test].enumerated()
        return Dictionary(try parts.flatMap { part, data in try DrawingTests.numbers(data).map { ($0, part) } }, uniquingKeysWith: { $1 })
    }

    @Test func everySampleHasOnePlaceAndShares() throws {
        let data = try DrawingTests.numbered(5000)
        let split = try #require(try ContentSplit(data))
        #expect(split.training.count + split.validation.count + split.test.count == 5000)
        #expect(try places(data).count == 5000)
        #expect(abs(split.test.count - 500) < 90 && abs(split.validation.count - 500) < 90)
    }

    /// Neither another order nor more samples move any sample to another part.
    @Test func samplesStayWhereTheyAre() throws {
        let data = try DrawingTests.numbered(600)
        let before = try places(data)
        #expect(try places(data.selecting(Array((0..<600).reversed()))) == before)
        let more = try places(try DrawingTests.numbered(900))
        #expect(before.allSatisfy { more[$0] == $1 })
    }

    @Test func equalSamplesAreTogether() throws {
        let values = (0..<400).map { Float($0 % 40) }
        let split = try #require(try ContentSplit(Dataset([.init(name: "x", Tensor(values, shape: [400, 1]))])))
        let parts = try [split.training, split.validation, split.test].map { Set(try DrawingTests.numbers($0)) }
        #expect(parts[0].isDisjoint(with: parts[1]) && parts[0].isDisjoint(with: parts[2]) && parts[1].isDisjoint(with: parts[2]))
    }

    @Test func trainingHasEveryClass() throws {
        let labels = (0..<300).map { $0 < 200 ? 0 : $0 }
        let split = try #require(try ContentSplit(DrawingTests.numbered(300, labels: labels)))
        #expect(Set(split.training.labels ?? []) == Set(labels))
    }

    /// Few samples have a part each, whatever their hashes are.
    @Test(arguments: 10..<40) func noPartIsEmpty(count: Int) throws {
        for labels in [nil, (0..<count).map { $0 % 3 }] {
            let split = try #require(try ContentSplit(DrawingTests.numbered(count, labels: labels)))
            #expect(split.training.count >= count / 2 && split.validation.count > 0 && split.test.count > 0)
            if let labels { #expect(Set(split.training.labels ?? []) == Set(labels)) }
        }
    }

    @Test(arguments: 1..<10) func fewSamplesAreNotSplit(count: Int) throws {
        #expect(try ContentSplit(DrawingTests.numbered(count)) == nil)
    }

    /// Contents, labels and what is done to the numbers tell data apart; sharing memory does not.
    @Test func fingerprintsHoldContents() throws {
        let data = try DrawingTests.numbered(30, labels: (0..<30).map { $0 % 2 })
        var others = [data.subset(0..<29), data.selecting(Array((0..<30).reversed()))]
        others.append(try Dataset(data.features, labels: (0..<30).map { 1 - $0 % 2 }))
        others.append(try Dataset([.init(name: "x", data.features[0].tensor, scale: 2)], labels: data.labels))
        others.append(try DrawingTests.numbered(30))
        #expect(try Set(others.map { try $0.fingerprint } + [data.fingerprint]).count == 6)
        #expect(try data.fingerprint == data.selecting(Array(0..<30)).fingerprint)
    }
}
