import Foundation
import Testing
import WinnowGraph
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

/// A pass with one hyperparameter of every kind.
private struct Sample: Pass {
    enum Colour: String, HyperparameterChoice { case red, green }
    static let name = "sample"
    static let summary = "for tests"
    @Hyperparameter("a number", in: 0...1) var sparsity = 0.5
    @Hyperparameter("a count", in: 1...64) var roundTo = 8
    @Hyperparameter("a flag") var keepMask = false
    @Hyperparameter("a choice") var colour = Colour.red
    @Hyperparameter("a list", in: 0...1) var levels: [Double] = [0.5]
    @Hyperparameter("maybe a text") var teacher: String? = nil
    init() {}
    func apply(to graph: Graph, in context: PassContext) throws -> PassResult { PassResult(graph: graph) }
}

struct HyperparameterTests {
    @Test func namesAreKebabCase() {
        #expect(
            Sample().hyperparameterDescriptions.map(\.name) == [
                "sparsity", "round-to", "keep-mask", "colour", "levels", "teacher",
            ])
    }

    @Test func rangesReadWell() {
        let passes: [any Pass] = [StaticQuantization(), GradualPruning(), StructuredPruning()]
        let texts = passes.flatMap(\.hyperparameterDescriptions).reduce(into: [:]) { $0[$1.name] = $1.rangeText }
        #expect(texts["samples"] == "at least 1" && texts["weight-bits"] == "2…8" && texts["begin"] == "0…1")
        #expect(texts["minimum-channels"] == "at least 1" && texts["keep-mask"] == nil)
    }

    @Test func valuesAreReadByName() throws {
        let pass = try Sample(hyperparameters: [
            "sparsity": 0.25, "round_to": 4, "keepMask": true, "colour": "green", "levels": [0, 1], "teacher": "t.onnx",
        ])
        #expect(pass.sparsity == 0.25 && pass.roundTo == 4 && pass.keepMask && pass.colour == .green)
        #expect(pass.levels == [0, 1] && pass.teacher == "t.onnx")
    }

    @Test func defaultsOfOtherPassesStayUntouched() throws {
        _ = try Sample(hyperparameters: ["sparsity": 0.25])
        #expect(Sample().sparsity == 0.5)
    }

    /// What counts alone is shortened, in passes within others too; the rest stays as it was set.
    @Test func rehearsalsAreShort() throws {
        let quantization = StaticQuantization { $0.rounding = "adaround"; $0.weightBits = 4 }
        #expect(quantization.rehearsal.rounding.roundingSteps == 10 && quantization.rehearsal.weightBits == 4)
        #expect(StaticQuantization().rehearsal.hyperparameters == StaticQuantization().hyperparameters)
        let search = ChannelSearch { $0.candidates = 1; $0.largest = 0.3 }
        #expect(search.rehearsal.candidates == 1 && search.rehearsal.largest == 0.3 && ChannelSearch().rehearsal.candidates == 2)
        let pruning = IterativePruning { $0.sparsities = [0.3, 0.5, 0.7]; $0.finetune.learningRate = 0.5 }
        #expect(pruning.rehearsal.sparsities == [0.3, 0.7] && pruning.rehearsal.rounds == 10 && IterativePruning().rehearsal.rounds == 2)
        #expect(pruning.rehearsal.finetune.epochs == 1 && pruning.rehearsal.finetune.learningRate == 0.5 && pruning.finetune.epochs == 5)
        #expect(Finetune { $0.epochs = 0 }.rehearsal.epochs == 0)
    }

    @Test func copiesAreIndependent() {
        let first = Sample()
        var second = first
        second.sparsity = 0.9
        #expect(first.sparsity == 0.5 && second.sparsity == 0.9)
    }

    @Test(
        arguments: [
            (["sparsty": 0.5], "did you mean sparsity?"), (["sparsity": 1.5], "outside 0…1"),
            (["sparsity": "high"], "a number"),
            (["round-to": 2.5], "whole number"), (["colour": "blue"], "one of red, green"),
            (["levels": [0.5, 2]], "outside 0…1"),
        ] as [([String: HyperparameterValue], String)])
    func wrongValuesAreExplained(_ values: [String: HyperparameterValue], _ words: String) {
        let error = #expect(throws: WinnowError.self) { try Sample(hyperparameters: values) }
        #expect(error?.kind == .recipe)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test(
        arguments: [
            ("magnitude-pruning", ["count": 3], "count: counts only with mode: count, and mode is fraction; add mode: count"),
            ("magnitude-pruning", ["mode": "count", "count": 3, "sparsity": 0.25], "sparsity: counts only with mode: fraction"),
            ("structured-pruning", ["threshold": 0.1], "threshold: counts only with budget: threshold, and budget is channels"),
            ("structured-pruning", ["max-loss": 0.1], "max-loss: counts only with sensitivity, which is not given"),
            ("svd-factorization", ["energy": 0.5, "rankFraction": 0.25], "energy: does not count with rank-fraction: 0.25"),
            ("svd-factorization", ["budget": "parameters"], "budget: counts only with size or max-drop"),
            ("static-quantization", ["percentile": 99], "percentile: counts only with range: percentile or range: token-percentile"),
            ("weight-only-quantization", ["damping": 0.1, "rounding": "hqq"], "damping: counts only with rounding: gptq, and rounding is hqq"),
            ("finetune", ["with": [["distillation": ["beta": 2]]]], "beta: counts only with by: decoupled"),
            ("quantization-aware-training", ["rounding-rate": 3], "rounding-rate: counts only with rounding: learned"),
            ("static-quantization", ["output-sqnr": 5, "latency": 0.5], "output-sqnr: does not count with latency"),
            ("static-quantization", ["max-drop": 1, "latency": 0.5], "latency: does not count with max-drop"),
            ("iterative-pruning", ["sparsities": [0.5, 0.8], "rounds": 3], "rounds: does not count with sparsities: [0.5, 0.8]"),
        ] as [(String, [String: HyperparameterValue], String)])
    func whatWouldNotCountIsRefused(_ name: String, _ values: [String: HyperparameterValue], _ words: String) {
        let error = #expect(throws: WinnowError.self) { try PassStep(named: name, hyperparameters: values) }
        #expect(error?.exitCode == 2 && error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test(
        arguments: [
            ("magnitude-pruning", ["count": 0, "threshold": 0, "quality": 0.5]),
            ("magnitude-pruning", ["mode": "count", "count": 3, "sparsity": 0.5]),
            ("structured-pruning", ["budget": "threshold", "threshold": 0.1]), ("svd-factorization", ["max-drop": 1, "budget": "parameters"]),
            ("weight-only-quantization", ["rounding": "gptq", "damping": 0.1]), ("finetune", ["momentum": 0.9]),
        ] as [(String, [String: HyperparameterValue])])
    func whatCountsOrIsUsualIsTaken(_ name: String, _ values: [String: HyperparameterValue]) throws {
        let step = try PassStep(named: name, hyperparameters: values)
        for (name, value) in values { #expect(step.pass.hyperparameters[name]?.double == value.double) }
    }

    /// Conditions name hyperparameters of the same pass, with values that these may have.
    @Test(arguments: CatalogueEntry.all) func conditionsCanBeMet(_ entry: CatalogueEntry) throws {
        let known = Set(entry.type.hyperparameterNames)
        for parameter in entry.type.init().hyperparameterDescriptions {
            for condition in parameter.conditions {
                #expect(known.isSuperset(of: condition.names), "\(parameter.name)")
                guard case .with(let other, let words) = condition else { continue }
                for word in words {
                    let pass = try entry.type.init(hyperparameters: [other: HyperparameterValue(text: word)])
                    #expect(pass.hyperparameters[other]?.description == word, "\(parameter.name)")
                }
            }
        }
    }

    @Test func rangesAreCheckedForValuesSetInSwift() {
        var pass = Sample()
        pass.sparsity = 2
        #expect(throws: WinnowError.self) { try pass.checkHyperparameters() }
    }

    /// The sentence is the one that recipes get, also of passes within others.
    @Test func whatWouldNotCountIsRefusedInSwift() throws {
        var (alone, within, beside) = (MagnitudePruning(), IterativePruning(), Finetune())
        alone.count = 3
        within.finetune.momentum = 0.5
        beside.with = [PassStep(Distillation { $0.beta = 2 })]
        let pairs: [(pass: any Pass, recipe: [String: HyperparameterValue])] = [
            (alone, ["count": 3]), (within, ["finetune": ["momentum": 0.5]]), (beside, ["with": [["distillation": ["beta": 2]]]]),
            (IterativePruning { $0.sparsities = [0.5]; $0.rounds = 3 }, ["sparsities": [0.5], "rounds": 3]),
        ]
        for (pass, recipe) in pairs {
            let read = #expect(throws: WinnowError.self) { try type(of: pass).init(hyperparameters: recipe) }
            let set = #expect(throws: WinnowError.self) { try pass.checkHyperparameters() }
            #expect(set?.description == read?.description && set?.exitCode == 2 && set?.guide == read?.guide)
            #expect(set?.description.contains("count") == true)
        }
        let applied = #expect(throws: WinnowError.self) { try alone(TestModels.perceptron()) }
        let words = applied?.description ?? ""
        #expect(words.hasPrefix("magnitude-pruning: count: counts only with mode: count"), "\(words)")
    }

    /// What a schedule does not have is no reason to have no words for a run.
    @Test func anIntervalGoesWithItsSchedule() throws {
        var configuration = TrainingConfiguration(epochs: 3, schedule: Schedule(.cosine, interval: 4))
        #expect(try #require(Finetune(configuration, arithmetic: .fast)).interval == Finetune().interval)
        configuration.schedule.shape = .step
        #expect(try #require(Finetune(configuration, arithmetic: .fast)).interval == 4)
    }

    @Test func settingsOfTheCommandLine() throws {
        let values = try [String: HyperparameterValue](settings: [
            "sparsity=0.5", "levels=0.1,0.9", "flag=true", "name=a=b", "finetune.epochs=3", "finetune.shift=1",
            "teacher=none",
        ])
        #expect(
            values == [
                "sparsity": 0.5, "levels": [0.1, 0.9], "flag": true, "name": "a=b",
                "finetune": ["epochs": 3, "shift": 1],
                "teacher": HyperparameterValue.none,
            ])
        #expect(throws: WinnowError.self) { try [String: HyperparameterValue](settings: ["sparsity"]) }
        let quoted = try [String: HyperparameterValue](settings: [
            #"only=["a.weight", 'b,c']"#, #"rates={"b.*": 0, "c":1}"#, "augment=[noise: 0.1]", "with=[distillation: {temperature: 2}]",
            "except=[onnx::Conv_624, b]", "name=\"none\"", "alone=onnx::Conv_1", "files=it's,a",
        ])
        #expect(
            quoted == [
                "only": ["a.weight", "b,c"], "rates": ["b.*": 0, "c": 1], "augment": [["noise": 0.1]],
                "with": [["distillation": ["temperature": 2]]], "except": ["onnx::Conv_624", "b"], "name": .string("none"),
                "alone": "onnx::Conv_1", "files": ["it's", "a"],
            ])
    }

    @Test(arguments: ["true", "8", "-0.5", "l2", "[0.5, 0.8]", "none", "int8", "{epochs: 1, with: [a, {b: 2}]}", "[{a: 1}, {b: [c, d]}]"])
    func textsRoundTrip(_ text: String) { #expect(HyperparameterValue(text: text).description == text) }

    @Test func jsonRoundTrips() throws {
        let value: HyperparameterValue = ["a": 1, "b": [true, 0.5, "x", HyperparameterValue.none], "c": ["d": "e"]]
        #expect(try JSONDecoder().decode(HyperparameterValue.self, from: JSONEncoder().encode(value)) == value)
    }
}

struct PassStepTests {
    @Test func namesTheNearestPass() {
        let error = #expect(throws: WinnowError.self) { try PassStep("magnitude-prunning") }
        #expect(error?.description.contains("did you mean magnitude-pruning?") == true)
    }

    @Test func readsBothForms() throws {
        #expect(try PassStep("magnitude-pruning").name == "magnitude-pruning")
        let step = try PassStep(["magnitude-pruning": ["sparsity": 0.8]])
        #expect((step.pass as? MagnitudePruning)?.sparsity == 0.8)
    }

    @Test func nestedTablesReachNestedPasses() throws {
        let step = try PassStep([
            "iterative-pruning": ["finetune": ["epochs": 2, "with": [["distillation": ["temperature": 3]]]]]
        ])
        let finetune = try #require((step.pass as? IterativePruning)?.finetune)
        #expect(finetune.epochs == 2)
        #expect((finetune.with.first?.pass as? Distillation)?.temperature == 3)
        #expect(throws: WinnowError.self) { try PassStep(["iterative-pruning": ["finetune": ["epoch": 2]]]) }
    }

    /// The command line and YAML read `none` as no value; where it is one of a few words it is that word.
    @Test func noneIsAWordWhereItIsOne() throws {
        let settings = try [String: HyperparameterValue](settings: ["repair=none", "normalize=none", "scope=global"])
        let pass = try StructuredPruning(hyperparameters: settings)
        #expect(pass.ranking.normalize == .none && pass.repairing.repair == .none)
        #expect(try SVDFactorization(hyperparameters: ["convolutions": .none]).hyperparameters["convolutions"] == .string("none"))
        #expect(throws: WinnowError.self) { try MagnitudePruning(hyperparameters: ["mode": .none]) }
    }
}
