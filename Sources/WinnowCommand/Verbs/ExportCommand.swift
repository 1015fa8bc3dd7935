import ArgumentParser
import Foundation
import Winnow

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a model as a runtime wants it.",
        discussion: """
            winnow export model.onnx --profile openvino --opset 21 -o served.onnx

            Folds constants and normalizations, removes dead ends, and says what the runtime will not take; --strict then fails.
            """)

    @Argument(help: "The ONNX file to read.") var input: String
    @Option(name: [.short, .long], help: "The ONNX file to write; default: the input's name with the profile behind it.") var output: String?
    @Option(help: "The runtime: \(ExportProfiles.names.joined(separator: ", ")).") var profile = "onnxruntime"
    @Option(parsing: .unconditional, help: "The operator set to write, not older than the model's.") var opset: Int?
    @Flag(help: "Store weights and compute in float16.") var float16 = false
    @Flag(help: "Give nodes and values inside short names: small files become smaller.") var shortNames = false
    @Flag(help: "Make inputs with default values constants.") var freezeDefaults = false
    @Flag(help: "Fail if the runtime will not take something.") var strict = false
    @Flag(help: "JSON instead of lines.") var json = false
    @OptionGroup var data: DataArguments
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    private struct Listing: Encodable {
        let output: String
        let objections: [Finding]
        let findings: [Finding]
        let coverage: String?
    }

    func run() throws { try WinnowError.leading(to: "Export", exportModel) }

    private func exportModel() throws {
        try compute.apply()
        var export = ModelExport()
        export.profile = try Chosen(named: profile, for: "--profile")
        (export.operatorSet, export.usesHalf, export.shortensNames, export.freezesDefaults) = (opset, float16, shortNames, freezeDefaults)
        let name = URL(fileURLWithPath: input).deletingPathExtension().path
        let output = output ?? OutputName.companion(of: name, suffix: "-\(profile).onnx")
        try OutputName.checkModel(output)
        var files = FileRoles(reading: data.data.map { [$0] } ?? [])
        files.reads(model: input)
        try files.writes(output, for: "--output", replacing: input)
        let model = try Model(reading: input)
        let before = try ApplySummary.Cost(model, data: nil, shapes: [])
        let result = try export(model, data: data.load(for: model.graph, quietly: json || verbosity.quiet))
        if strict, let objection = result.objections.first { throw WinnowError(.model, input, "\(objection)", remedy: "leave out --strict to write it all the same") }
        try result.model.write(to: output)
        if json { return try printJSON(Listing(output: output, objections: result.objections, findings: result.findings, coverage: result.coverage)) }
        guard !verbosity.quiet else { return }
        let summary = try ApplySummary(result.findings.filter { verbosity.verbose || $0.status != .kept }, from: before, to: result.model, output: output)
        for line in summary.lines(isVerbose: verbosity.verbose) { print(line) }
        for objection in result.objections { print("\(objection)") }
        if result.objections.isEmpty { print("nothing that \(profile) is known not to take") }
        print("written: \(output)")
    }
}
