import ArgumentParser
import Winnow

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains a classifier, and keeps its best state.",
        discussion: """
            winnow train start.onnx -o trained.onnx --data images/ --epochs 20

            A checkpoint is kept beside the output: after a stop, the same command goes on and gives the same bytes.
            """)

    @Argument(help: "The ONNX file to read.") var input: String
    @OptionGroup var output: OutputArguments
    @OptionGroup var data: DataArguments
    @Option(parsing: .unconditional, help: "Passes over the training data.") var epochs = 10
    @Option(parsing: .unconditional, help: "Samples in one step.") var batchSize = 128
    @Option(parsing: .unconditional, help: "The learning rate at its highest.") var learningRate = 1e-3
    @Option(help: "adam, adamw or sgd.") var optimizer = "adam"
    @Option(parsing: .unconditional, help: "Momentum of sgd.") var momentum = 0.9
    @Option(parsing: .unconditional, help: "Weight decay.") var weightDecay = 0.0
    @Option(help: "constant, step, cosine or one-cycle.") var schedule = "cosine"
    @Option(parsing: .unconditional, help: "Shift images by up to so many pixels.") var shift = 0
    @Flag(help: "Flip images left to right at random.") var flip = false
    @Option(help: ArgumentHelp("Change samples at random: \(AugmentationChange.help).", valueName: "crop=4")) var augment: [String] = []
    @Option(parsing: .unconditional, help: "Fixes order, augmentation and dropout; 0 or more.") var seed: UInt64 = 0
    @Flag(help: "JSON instead of text; progress as lines of JSON on standard error.") var json = false
    @Flag(help: VerbosityArguments.quietly) var quiet = false
    @OptionGroup var math: MathArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        for (name, value) in [("--learning-rate", learningRate), ("--momentum", momentum), ("--weight-decay", weightDecay)] where !(value >= 0) {
            throw WinnowError(.usage, name, "is \(value)", remedy: "give 0 or more")
        }
        guard shift >= 0 else { throw WinnowError(.usage, "--shift", "is \(shift)", remedy: "give 0 or more") }
        try output.check(reading: [data.data], replacing: input)
        let model = try Model(reading: input)
        let (splits, source) = try data.required(for: model.graph, quietly: quiet || json)
        var configuration = TrainingConfiguration(
            epochs: epochs, batchSize: batchSize, learningRate: learningRate,
            optimizer: try .named(optimizer, momentum: momentum, weightDecay: weightDecay), schedule: try .named(schedule), seed: seed)
        configuration.augmentation = Augmentation(shiftPixels: shift, flipsHorizontally: flip)
        configuration.augmentation.changes += try augment.map { try AugmentationChange(parsing: $0) }
        var training = ModelTraining(configuration)
        training.arithmetic = try math.arithmetic
        let progress = ProgressLine(isQuiet: quiet, isJSON: json)
        let result = try training(
            model, output: output.output, data: splits, source: source, cancellation: Interruption.cancellation
        ) { progress.show($0) }
        progress.finish()
        if json { try printJSON(result) } else if !quiet { print(result) }
    }
}
