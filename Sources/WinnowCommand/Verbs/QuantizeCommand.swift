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
    @Option(
        parsing: .unconditional, help: "The largest loss of the metric, in points or its own unit; layers go back to more bits until it holds.")
    var maxDrop: Double?
    @Flag(help: "Make floats of the codes that the model has (dequantize), and quantize all anew.") var requantize = false

    func run() throws {
        let keys = change.settings.map { String($0.prefix { $0 != "=" }).replacing("_", with: "-") }
        let ofWeights = "weight-only-quantization."
        let named = Set(keys.map { $0.hasPrefix(ofWeights) ? String($0.dropFirst(ofWeights.count)) : $0 })
        let isOfWeights = !named.isDisjoint(with: Self.codesOfWeights) || keys.contains { $0.hasPrefix(ofWeights) }
        try change.run(scheme ?? (isOfWeights ? "quantized" : "int8")) { _, data in
            let drop = change.setting("max-drop", maxDrop)
            let before = requantize ? [Recipe.Draft("dequantize")] : []
            if data != nil, scheme ?? "int8" == "int8", !isOfWeights {
                return try change.recipe(before + [.init("static-quantization", settings: drop)])
            }
            let isSpelled = !named.isDisjoint(with: Self.codesOfWeights) || named.contains("per-channel")
            let own = (scheme ?? (isSpelled ? nil : "int8")).map { ["scheme=\($0)"] } ?? []
            return try change.recipe(before + [.init("weight-only-quantization", settings: own + drop)])
        }
    }

    /// What only weight-only quantization is told; with per-channel, what a scheme says already.
    private static let codesOfWeights: Set<String> = ["scheme", "bits", "block-size"]
}
