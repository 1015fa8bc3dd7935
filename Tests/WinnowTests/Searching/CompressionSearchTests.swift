import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor
import WinnowTraining

@testable import Winnow

@Suite(.serialized) struct CompressionSearchTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "winnow-search-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func model() throws -> Model {
        let data = try data()
        var graph = try Architecture.named("mlp").makeGraph(seed: 1, widths: [16, 48, 32, 2])
        let loss = try Loss.crossEntropy(labelSmoothing: 0).attached(to: graph)
        let configuration = TrainingConfiguration(epochs: 10, batchSize: 32, learningRate: 1e-2, seed: 1)
        graph = try Trainer(graph, objective: loss, configuration: configuration).train(on: try #require(data.training)).model
        return Model(graph)
    }

    /// Whether the first number is larger than the second.
    private func data() throws -> DataSplits {
        var random = RandomGenerator(seed: 3)
        let numbers = (0..<900 * 16).map { _ in Float(random.uniform()) }
        let labels = (0..<900).map { numbers[$0 * 16] > numbers[$0 * 16 + 1] ? 1 : 0 }
        let data = try Dataset([.init(name: "input", Tensor(numbers, shape: Shape([900, 16])))], labels: labels)
        return DataSplits(training: data.subset(0..<600), validation: data.subset(600..<750), test: data.subset(750..<900))
    }

    private func search(_ name: String, _ limits: [CompressionCost: Amount], drop: Double = 5) throws -> CompressionSearch {
        var search = CompressionSearch(
            try model(), output: "\(folder)/\(name).onnx", data: try data(), targets: CompressionTargets(maxDrop: drop, limits: limits))
        search.timeBudget = .seconds(2)
        return search
    }

    private func bytes(_ name: String) throws -> Data { try #require(FileManager.default.contents(atPath: "\(folder)/\(name)")) }

    /// What is refused before anything was tried leaves nothing that a search with other data or targets would stumble over.
    @Test func refusedSearchesLeaveNoFolder() throws {
        let b = GraphBuilder("open")
        let x = try b.input("x", .float32, ["N", "T", 4])
        let graph = try b.graph(outputs: [b.add("MatMul", x, b.constant("w", Tensor(zeros: [4, 3])))])
        var search = CompressionSearch(
            Model(graph), output: "\(folder)/open.onnx", data: nil, targets: CompressionTargets(maxDrop: 5, limits: [.latency: .part(0.5)]))
        #expect(throws: WinnowError.self) { try search() }
        #expect(!FileManager.default.fileExists(atPath: search.folder))
        search = try self.search("judged", [.size: .part(0.5)])
        search.judge = Judge("broken") { _, _ in throw WinnowError(.numeric, "judge", "has nothing to say") }
        let error = #expect(throws: WinnowError.self) { try search() }
        #expect(error?.subject.contains("judge") == true)
        #expect(!FileManager.default.fileExists(atPath: search.folder))
    }

    @Test func targetsAreMetAndTheRecipeReproducesTheBytes() throws {
        let search = try search("small", [.size: .part(0.3)])
        let result = try search()
        #expect(result.isMet && result.targets.map(\.name) == ["size", "drop"])
        let original = try #require(result.trials.first)
        let size = try #require(result.best[.size])
        #expect(try size == Double(bytes("small.onnx").count))
        // A candidate's zip is as large as that of what is written, whatever they are called.
        #expect(try result.best[.zippedSize] == Double(ONNXFile.zippedByteCount(of: "\(folder)/small.onnx")))
        #expect(try size <= 0.3 * #require(original[.size]))
        var run = RecipeRun(try Recipe(reading: "\(folder)/small.yaml"), input: search.input, output: "\(folder)/again.onnx", data: search.data)
        run.stateFolder = "\(folder)/again.state"
        try run()
        #expect(try bytes("small.onnx") == bytes("again.onnx"))
    }

    /// What no pass reaches is said, and the nearest is written.
    @Test func missedTargetsAreSaid() throws {
        let result = try search("none", [.size: .part(0.001)])()
        #expect(!result.isMet && result.targets.first?.isMet == false)
        #expect(try !bytes("none.onnx").isEmpty)
        // Nothing that was measured is nearer.
        let targets = CompressionTargets(maxDrop: 5, limits: [.size: .part(0.001)])
        let least = result.trials.filter { $0.score != nil }.map { targets.excess(of: $0, from: result.trials[0]) }.min()
        #expect(targets.excess(of: result.best, from: result.trials[0]) == least)
    }

    /// A plan says beforehand what no pass reaches.
    @Test func plansSayWhatIsOutOfReach() throws {
        let (lines, isInReach) = try search("far", [.size: .part(0.001)]).plan()
        #expect(!isInReach && lines.last?.contains("out of reach") == true)
        let near = try search("near", [.size: .part(0.3)]).plan()
        #expect(near.isInReach && !near.lines.contains { $0.contains("out of reach") })
    }

    /// Labels that one answer fits tell no candidates apart either.
    @Test func aScoreThatNeverChangesIsSaidToTellNothing() throws {
        var search = try search("certain", [.size: .part(0.3)])
        let graph = search.input.graph
        let bias = try #require(graph.initializerNames.last { graph.initializers[$0]?.shape == [2] })
        search.input = Model(try graph.settingInitializers([bias: Tensor([1000, -1000] as [Float])]))
        let (lines, _) = try search.plan()
        #expect(lines.contains { $0.hasPrefix("top-1 is ") && $0.contains("does not tell them apart") })
    }

    /// A metric's number is read once, in one line; one that never changes is said to tell nothing.
    @Test func metricsAreReadInTheirOwnUnit() throws {
        var search = try search("constant", [.size: .part(0.3)], drop: 0.5)
        search.judge = Judge("same") { _, _ in 5 }
        let (lines, _) = try search.plan()
        #expect(lines.contains { $0.contains("same is 5 for the original") && $0.contains("own unit") })
        #expect(lines.contains { $0.contains("does not tell them apart") })
        search = try self.search("widths", [.size: .part(0.3)], drop: 0.5)
        search.judge = Judge("spread", isHigherBetter: false) { model, _ in
            2 + Double(Set(model.graph.initializerNames.flatMap { model.graph.initializers[$0]?.doubles() ?? [] }).count)
        }
        let result = try search()
        #expect(!result.notes.contains { $0.contains("does not tell them apart") })
        #expect(result.targets.last.map { !$0.asked.contains("points") } == true && result.report.search?.scale?.isPart == false)
        #expect(result.trials.allSatisfy { ($0.measuredScore ?? 0) >= 0 })
    }

    @Test func dropsCountInTheUnitOfTheOriginal() {
        var (original, other) = (trial(90, size: 100, latency: 1), trial(89.8, size: 20, latency: 1))
        (original.scale, other.scale) = (ScoreScale(isPart: false), ScoreScale(isPart: false))
        let targets = CompressionTargets(maxDrop: 0.5, limits: [.size: .part(0.25)])
        #expect(targets.outcomes(of: other, from: original).map(\.isMet) == [true, true])
        #expect(targets.outcomes(of: other, from: original).last.map { [$0.asked, $0.reached] } == ["0.5", "0.2"])
        #expect(targets.excess(of: other, from: original) == 0)
        other.score = 89.4
        #expect(targets.excess(of: other, from: original) > 0)
    }

    /// Stopped again and again, it ends as it would have without: whatever was measured stays.
    @Test func stoppedSearchesGoOn() throws {
        let whole = try search("whole", [.size: .part(0.3)])
        _ = try whole()
        // The pace is that of the whole run.
        try FileManager.default.copyItem(atPath: "\(folder)/whole.onnx.search", toPath: "\(folder)/parts.onnx.search")
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/parts.onnx.search") where name.hasPrefix("trial") {
            try FileManager.default.removeItem(atPath: "\(folder)/parts.onnx.search/\(name)")
        }
        let parts = try search("parts", [.size: .part(0.3)])
        var stops = 0
        for attempt in 1..<60 {
            let cancellation = Cancellation()
            let seen = Counter()
            do {
                _ = try parts(cancellation: cancellation) { _ in if seen.next() > 25 * attempt { cancellation.cancel() } }
                break
            } catch let error as WinnowError where error.kind == .cancelled { stops += 1 }
        }
        #expect(stops > 0)
        #expect(try bytes("parts.onnx") == bytes("whole.onnx"))
    }

    @Test func pickChoosesWithoutComputing() throws {
        let search = try search("picked", [:])
        let result = try search()
        let folder = SearchFolder(search.folder)
        let (trial, _, model) = try folder.pick(CompressionTargets(maxDrop: .infinity, limits: [.size: .part(0.5)]))
        let whole = try #require(result.trials.first?[.size])
        #expect(try #require(trial[.size]) <= 0.5 * whole && !model.graph.nodes.isEmpty)
        // No other on the front within the limit has a higher score.
        let better = result.trials.filter { ($0[.size] ?? .infinity) <= 0.5 * whole && ($0.score ?? 0) > (trial.score ?? 0) }
        #expect(better.isEmpty)
        #expect(throws: WinnowError.self) { try folder.pick(CompressionTargets(maxDrop: .infinity, limits: [.size: .absolute(10)])) }
        #expect(throws: WinnowError.self) { try SearchFolder("\(self.folder)/nothing").pick(CompressionTargets()) }
    }

    /// With other targets what was measured is used, and what was not is measured: a latency that no size asked for.
    @Test func anotherSearchUsesTheFolder() throws {
        let first = try search("one", [.size: .part(0.3)])()
        var second = try search("two", [.latency: .part(0.99)])
        second.folder = "\(folder)/one.onnx.search"
        let result = try second()
        for trial in result.trials { #expect(trial[.latency] != nil, "\(trial.title)") }
        let shared = Set(first.trials.map(\.name)).intersection(result.trials.map(\.name))
        #expect(shared.count > 3)
    }

    /// What was found is not trained again, though the models on the way to it were dropped.
    @Test func aFinishedSearchIsReadBack() throws {
        let search = try search("again", [.size: .part(0.3)])
        let first = try search()
        let trainings = Counter()
        let second = try search { if $0.event.task == "training" { _ = trainings.next() } }
        #expect(second.best == first.best && trainings.next() == 1)
    }

    /// What was made to learn its costs alone is not given out.
    @Test func pickGivesOutWhatWasJudged() throws {
        var search = try search("stopped", [.size: .part(0.2)])
        search.timeBudget = .seconds(20)
        let cancellation = Cancellation()
        #expect(throws: WinnowError.self) {
            try search(cancellation: cancellation) { if $0.event.task == "training", $0.stepName.contains("epoch") { cancellation.cancel() } }
        }
        let picked = try SearchFolder(search.folder).pick(CompressionTargets(maxDrop: .infinity, limits: [.size: .part(0.9)]))
        #expect(picked.trial.score != nil)
    }

    /// A target that cannot be judged is refused, not passed over.
    @Test func targetsOfUnknownCostsAreRefused() throws {
        let original = trial(0.9, size: 100, latency: 1)
        var unknown = original
        unknown.costs[.latency] = nil
        let targets = CompressionTargets(limits: [.latency: .part(0.5)])
        #expect(targets.outcomes(of: unknown, from: original).first?.isMet == false)
        #expect(!targets.holdCosts(of: unknown, from: original) && targets.excess(of: unknown, from: original) > 0)
    }

    /// Files of others are not written over.
    @Test func othersFilesStay() throws {
        for name in ["mine.yaml", "mine.json"] {
            try Data("{\"mine\": 1}".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            var search = try search(name == "mine.yaml" ? "mine" : "other", [:])
            search.report = "\(folder)/mine.html"
            if name == "mine.yaml" { search.report = nil }
            let error = #expect(throws: WinnowError.self) { try search.checkOutputs() }
            #expect(error?.kind == .usage)
        }
    }

    @Test func withoutDataWeightsAloneAreStoredSmaller() throws {
        var search = CompressionSearch(try model(), output: "\(folder)/blind.onnx", targets: CompressionTargets(limits: [.size: .part(0.5)]))
        search.timeBudget = .seconds(2)
        let result = try search()
        #expect(result.isMet && result.best.score == nil && result.notes.contains { $0.hasPrefix("no data") })
        #expect(try #require(result.best[.size]) <= 0.5 * #require(result.trials.first?[.size]))
    }

    @Test func theReportListsTargetsAndCandidates() throws {
        var search = try search("told", [.size: .part(0.3), .multiplyAccumulates: .part(0.9)])
        search.report = "\(folder)/told.html"
        let result = try search()
        let page = try String(decoding: bytes("told.html"), as: UTF8.self)
        #expect(page.contains("Targets") && page.contains("Candidates") && page.contains("against size"))
        let summary = try #require(result.report.search)
        #expect(summary.trials.count == result.trials.count && summary.trials.count { $0.isChosen } == 1)
        #expect(summary.text.contains("met") && result.report.text.contains("on the front"))
        #expect(try JSONDecoder().decode(Report.self, from: bytes("told.json")).search?.targets == result.targets)
    }

    /// Lengths that follow from each other: nothing that was asked for is out of the halving's reach.
    @Test(arguments: [(1, 0), (1, 5), (6, 18), (6, 5), (9, 200), (3, 1)])
    func halvingStaysWithinTheTime(candidates: Int, epochs: Int) {
        let plan = HalvingPlan(candidates: candidates, epochs: epochs, longest: 30)
        let used = plan.rounds.reduce(0) { $0 + $1.count * $1.epochs }
        #expect(used + plan.reserve == epochs || used == 0 && plan.reserve == epochs)
        #expect(plan.rounds.isEmpty == (epochs == 0))
        for (earlier, later) in zip(plan.rounds, plan.rounds.dropFirst()) {
            #expect(later.count == max(1, earlier.count / 2) && later.epochs == 2 * earlier.epochs)
        }
    }

    @Test func amountsAreRead() throws {
        #expect(try CompressionCost.size.amount(parsing: "25%", for: "x") == .part(0.25))
        #expect(try CompressionCost.size.amount(parsing: "900kB", for: "x") == .absolute(900_000))
        #expect(try CompressionCost.size.amount(parsing: "1.5 MiB", for: "x") == .absolute(1_572_864))
        #expect(try CompressionCost.latency.amount(parsing: "3ms", for: "x") == .absolute(3))
        #expect(try CompressionCost.multiplyAccumulates.amount(parsing: "300M", for: "x") == .absolute(3e8))
        for text in ["", "%", "0%", "120%", "3", "-3ms", "3 apples", "1e999MB", "."] {
            let error = #expect(throws: WinnowError.self) { try CompressionCost.size.amount(parsing: text, for: "--target-size") }
            #expect(error?.kind == .usage)
        }
    }

    private func trial(_ score: Double, size: Double, latency: Double) -> SearchTrial {
        SearchTrial(name: "\(score) \(size)", title: "", recipe: "", costs: [.size: size, .latency: latency], score: score, seconds: 0)
    }

    /// What gives no numbers is on no front and never preferred, however small it is.
    @Test func whatGivesNoNumbersIsNeverChosen() {
        let (original, broken) = (trial(0.9, size: 100, latency: 1), trial(-.infinity, size: 1, latency: 0.1))
        #expect([original, broken].front == [original])
        for limits in [[:], [.size: .part(0.5)]] as [[CompressionCost: Amount]] {
            let targets = CompressionTargets(maxDrop: 100, limits: limits)
            #expect(!targets.prefers(broken, to: original, from: original) && targets.prefers(original, to: broken, from: original))
            #expect(targets.outcomes(of: broken, from: original).contains { $0.name == "drop" && !$0.isMet })
        }
    }

    @Test func preferenceFollowsTheTargets() {
        let original = trial(0.9, size: 100, latency: 1)
        let (small, good, bad) = (trial(0.897, size: 20, latency: 0.9), trial(0.9, size: 24, latency: 0.8), trial(0.5, size: 1, latency: 0.1))
        let asked = CompressionTargets(maxDrop: 0.5, limits: [.size: .part(0.25)])
        #expect(asked.prefers(good, to: small, from: original) && asked.prefers(small, to: bad, from: original))
        let any = CompressionTargets(maxDrop: 0.5)
        #expect(any.prefers(small, to: original, from: original) && any.prefers(small, to: bad, from: original))
        // A drop may be hoped to shrink while there is time to train.
        let learning = trial(0.885, size: 5, latency: 0.2)
        #expect(!any.prefers(learning, to: small, from: original) && any.prefers(learning, to: small, from: original, roundsLeft: 3))
        #expect([original, small, good, bad, trial(0.89, size: 30, latency: 2)].front.count == 3)
    }

    /// A target that is missed as far as by the original changes nothing; of what is nearer alike, the better is taken.
    @Test func nothingIsChangedForNothing() {
        func trial(_ score: Double, size: Double, macs: Double) -> SearchTrial {
            var trial = self.trial(score, size: size, latency: 1)
            trial.costs[.multiplyAccumulates] = macs
            return trial
        }
        let (original, smaller) = (trial(0.9, size: 100, macs: 10), trial(0.9, size: 12, macs: 10))
        let (nearer, better) = (trial(0.89, size: 90, macs: 8), trial(0.9, size: 90, macs: 8))
        let asked = CompressionTargets(maxDrop: 5, limits: [.multiplyAccumulates: .part(0.5)])
        #expect(asked.prefers(original, to: smaller, from: original) && !asked.prefers(smaller, to: original, from: original))
        #expect(asked.prefers(nearer, to: original, from: original) && asked.prefers(better, to: nearer, from: original))
        let met = CompressionTargets(maxDrop: 5, limits: [.multiplyAccumulates: .part(1)])
        #expect(met.prefers(smaller, to: original, from: original))
    }
}

private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func next() -> Int { lock.withLock { count += 1; return count } }
}
