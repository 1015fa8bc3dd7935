import WinnowEngine
import WinnowGraph
public import WinnowPasses
import WinnowReport

/// What a pass did, in words: a line a tensor where they are few, what was not done as it was asked for, and the sums.
public struct ApplySummary: Sendable {
    /// What a model costs before a pass; the pass's result may take the place of its file.
    public struct Cost: Sendable {
        fileprivate let measurement: ModelMeasurement
        fileprivate let shapes: InputShapes

        /// `shapes` are texts as `image=1x3x224x224`, for multiply–accumulates where extents are open.
        public init(_ model: Model, data: DataSplits?, shapes: [String]) throws {
            let given = try InputShapes(parsing: shapes, for: model.graph)
            self.shapes = Measuring(data: data, shapes: given).shapes(for: model.graph, of: model.graph)
            measurement = try model.cost(model: "", stage: "", shapes: self.shapes, histograms: false, zips: false)
        }
    }

    private let findings: [Finding]
    private let before: ModelMeasurement
    private let after: ModelMeasurement
    private let output: String

    /// More lines about tensors that went well are one line.
    private static let lineLimit = 40

    /// From what the model that was read cost to the model as it is at `output`.
    public init(_ findings: [Finding], from before: Cost, to result: Model, output: String) throws {
        self.findings = findings
        self.output = output
        self.before = before.measurement
        after = try Model(result.graph, path: output).cost(model: "", stage: "", shapes: before.shapes, histograms: false, zips: false)
    }

    /// What was done where it is little, what was not with those of one reason in one line, then the sums; with `isVerbose` every
    /// finding.
    public func lines(isVerbose: Bool) -> [String] {
        guard !isVerbose else { return findings.map(\.description) + sums }
        let done = findings.filter { $0.status == .done }
        let isLong = done.count > Self.lineLimit
        let listed = isLong ? ["\(done.count) done; --verbose lists them"] : done.map(\.description)
        return listed + [.kept, .skipped, .fellBack].flatMap { findings.reasons(for: $0) } + sums
    }

    private var sums: [String] {
        let counts = [("done", Finding.Status.done), ("kept", .kept), ("skipped", .skipped), ("fell back", .fellBack)].compactMap { word, status in
            let count = findings.count { $0.status == status }
            return count > 0 ? "\(count) \(word)" : nil
        }
        var parts: [String] = []
        if let a = before.byteCount, let b = after.byteCount { parts.append("\(Format.bytes(a)) → \(Format.bytes(b)) (\(Verdict.size(Double(a) / Double(max(1, b)))))") }
        if before.parameters != after.parameters {
            parts.append("parameters \(Format.count(before.parameters)) → \(Format.count(after.parameters))")
        }
        if let a = before.multiplyAccumulates, let b = after.multiplyAccumulates, a != b {
            parts.append("MACs \(Format.count(a)) → \(Format.count(b))")
        }
        if Format.percent(before.sparsity, 1) != Format.percent(after.sparsity, 1) {
            parts.append("zeros \(Format.percent(before.sparsity, 1)) → \(Format.percent(after.sparsity, 1))")
        }
        let layers = findings.withoutIntegers ?? after.coverage?.text
        return [layers].compactMap { $0 } + ["\(output): \((parts + counts).joined(separator: ", "))"]
    }

}
