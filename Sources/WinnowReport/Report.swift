public import Foundation
public import WinnowPasses
import WinnowTensor

/// Measurements and findings of one run, ready to be rendered for the terminal, as JSON or as HTML.
public struct Report: Codable, Sendable {
    /// One applied step of a recipe.
    public struct Step: Codable, Sendable {
        public var name: String
        /// The hyperparameters it ran with, in the recipe's form.
        public var settings: String
        public var seconds: Double
        public var findings: [Finding]
        /// The model after the step.
        public var result: ModelMeasurement?

        public init(name: String, settings: String, seconds: Double, findings: [Finding], result: ModelMeasurement?) {
            self.name = name
            self.settings = settings
            self.seconds = seconds
            self.findings = findings
            self.result = result
        }
    }

    public var version = 1
    public var title: String
    /// The program's version, processor and thread count: what the latencies hold for.
    public var environment: [String: String]
    /// The models compared, the baseline first.
    public var models: [ModelMeasurement]
    /// What was lost and won between the first and the last; nil for one model.
    public var verdict: Verdict?
    public var steps: [Step]
    /// Of a search: what was asked for, and every candidate.
    public var search: SearchSummary?
    /// What must be given again to get the same.
    public var provenance: Provenance?
    /// What runtimes make of the last model; nil in reports of former versions.
    public var runtimes: [RuntimeForm]?

    public init(title: String, environment: [String: String], models: [ModelMeasurement], steps: [Step]) {
        self.title = title
        self.environment = environment
        self.models = models
        verdict = Verdict(models)
        self.steps = steps
    }

    /// Whether there is nothing at a path yet, or a report.
    package static func isOne(at path: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: path) else { return !FileManager.default.fileExists(atPath: path) }
        return (try? JSONDecoder.exact.decode(Report.self, from: data)) != nil || data.isEmpty
    }

    /// The report as JSON with sorted keys.
    public func json() throws -> Data {
        try JSONEncoder.exact([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]).encode(self)
    }

    /// One point a round of every iterative step: sparsity and accuracy, or agreement with the original.
    public struct Round: Codable, Sendable {
        public var number: Int
        public var sparsity: Double
        public var accuracy: Double
        public var isAccepted: Bool
    }

    /// The rounds of a step, where its findings tell sparsity and quality by round.
    public static func rounds(of findings: [Finding]) -> [Round] {
        let numbers = Set(findings.compactMap(\.round)).sorted()
        return numbers.compactMap { number in
            let round = findings.filter { $0.round == number && $0.subject == "graph" }
            guard let sparsity = round.first(where: { $0.quantity == .sparsity })?.after,
                let quality = round.first(where: { $0.quantity != .sparsity }), let accuracy = quality.after
            else { return nil }
            return Round(number: number, sparsity: sparsity, accuracy: accuracy, isAccepted: quality.status == .done)
        }
    }
}
