import ArgumentParser
import Winnow

struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize", abstract: "Stores numbers in few bits.",
        discussion: """
            winnow quantize model.onnx --data images/ -o int8.onnx

            With --data int8 is static: integer arithmetic, with ranges fixed on samples. Without it, and for every other scheme, weights \
            alone become smaller.
            """)

    @OptionGroup var change: ChangeArguments
    @Option(help: "int8, int4, nf4, mxfp8 and others: winnow passes weight-only-quantization lists them; int8 without --set bits.")
    var scheme: String?
    @Option(help: "The largest loss of the metric in points; layers go back to more bits until it holds.") var maxDrop: Double?

    func run() throws {
        let isSpelled = change.settings.contains { Self.spelled.contains(String($0.prefix { $0 != "=" }).replacing("_", with: "-")) }
        let scheme = scheme ?? (isSpelled ? nil : "int8")
        try change.run(scheme ?? "quantized") { _, data in
            let drop = maxDrop.map { ["max-drop=\($0)"] } ?? []
            let isStatic = data != nil && scheme == "int8"
            return try Recipe(
                pass: isStatic ? "static-quantization" : "weight-only-quantization",
                settings: (isStatic ? [] : scheme.map { ["scheme=\($0)"] } ?? []) + drop + change.settings)
        }
    }

    /// Hyperparameters that say what a scheme would.
    private static let spelled: Set<String> = ["scheme", "bits", "per-channel", "block-size"]
}
