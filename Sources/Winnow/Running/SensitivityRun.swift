import Foundation
public import WinnowEngine
import WinnowFormats
import WinnowGraph
public import WinnowPasses
import WinnowReport
import WinnowTensor

/// What a model loses as each of its parts alone is changed more and more: what `winnow sensitivity` does.
///
/// ```swift
/// let result = try SensitivityRun(.layer)(on: model, data: data)
/// print(result.table.ratios(losing: 0.01))
/// ```
public struct SensitivityRun: Sendable {
    public var unit: SensitivityUnit
    /// What changes the parts; nil: structured pruning for groups, else magnitude pruning.
    public var pass: (any Pass)?
    /// The hyperparameter that strengths are values of; nil: the pass's own.
    public var hyperparameter: String?
    /// nil: 0.1 to 0.9, or those that the pass names.
    public var strengths: [Double]?
    /// What models are judged by in place of top-1 or agreement.
    public var judge: Judge?
    /// Validation samples to judge by at most; nil: all.
    public var sampleCount: Int?
    /// What a part may lose by itself before reports say to leave it alone.
    public var maxLoss = 0.01
    /// Where what was judged is kept, for a run that goes on after a stop or with other strengths; nil: nowhere.
    public var stateFolder: String?
    /// Whether the state is removed once all is written.
    public var removesState = false
    public var seed: UInt64 = 0
    /// The JSON file of the table to write, and the HTML page; nil: none.
    public var output: String?
    public var report: String?
    /// Files and folders that no output may take the place of, beside the model: the data.
    public var sources: [String] = []
    /// The command that asks for this, as the page says how to get the same.
    public var command: String?

    public init(_ unit: SensitivityUnit = .weight) { self.unit = unit }

    /// By names: of the unit, and of the pass with `key=value` settings.
    public init(by unit: String, pass: String?, settings: [String]) throws {
        guard let known = SensitivityUnit(rawValue: unit) else {
            throw WinnowError(
                .usage, "--by", "\(unit) is nothing to change alone",
                remedy: "choose \(SensitivityUnit.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.init(known)
        self.pass = try Recipe(pass: pass ?? known.usualPass.name, settings: settings).passes.first
    }

    /// Throws `.usage` if one of the files to be written would take the place of another or of one that is read.
    public func checkOutputs(reading model: String? = nil) throws {
        var files = FileRoles(reading: sources)
        if let model { files.reads(model: model) }
        if let output {
            try OutputName.checkJSON(output)
            try files.writes(output, for: "--output")
        }
        if let report {
            try OutputName.checkPage(report)
            try files.writes(report, for: "--report")
        }
        if let stateFolder { try files.writes(folder: stateFolder, for: "--state") }
    }

    /// Judges every part and writes what is to be written. Throws `.usage` for a pass or strengths that say nothing, `.data` where
    /// there are no samples to judge by.
    public func callAsFunction(
        on model: Model, data: DataSplits, cancellation: Cancellation? = nil, progress: ProgressReporter? = nil
    ) throws -> SensitivityResult {
        try checkOutputs(reading: model.path)
        let analysis = try SensitivityAnalysis(unit, pass: pass, hyperparameter: hyperparameter, strengths: strengths)
        let data = data.kept(for: model.graph)
        let validation = try data.required(.validation, of: "the data")
        var context = PassContext(
            calibration: data.calibration, training: data.training,
            validation: sampleCount.map { validation.drawn($0, seed: seed) } ?? validation, seed: seed, progress: progress,
            cancellation: cancellation)
        context.judge = judge
        context.teacher = model.graph
        let folder = try stateFolder.map { folder in
            let fingerprint = try Fingerprint(
                models: [model.graph], data: [context.validation, context.calibration],
                settings: [analysis.settings] + (judge.map { ["\($0)"] } ?? []), seed: seed)
            return try RunFolder(folder, of: fingerprint)
        }
        context.state = folder?.state(of: Self.part)
        do {
            let result = try analysis(model.graph, in: context)
            try write(result, of: model, data)
            if removesState { folder?.remove([Self.part]) }
            return result
        } catch {
            if removesState { folder?.release(after: error) }
            throw error
        }
    }

    /// What the analysis is called in the folder of its state.
    private static let part = Pipeline.stepName(0)

    private func write(_ result: SensitivityResult, of model: Model, _ data: DataSplits) throws {
        if let output { try AtomicFile.write(Array(try result.table.json()), to: output) }
        if let report {
            let provenance = Provenance(command: command, recipe: nil, seed: seed, data: data.notes)
            try AtomicFile.write(
                result.html(
                    title: "Sensitivity of \(model.graph.name)", losing: maxLoss, environment: Platform.environment, provenance: provenance),
                to: report)
        }
    }
}
