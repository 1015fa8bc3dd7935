// Factorizes a convolutional network by singular value decomposition and trains the factors.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(2_000) }
    let network = try Architecture.named("cnn-dropout").makeGraph(seed: 1)
    let training = TrainingConfiguration(
        epochs: isQuick ? 1 : 5, batchSize: 128, learningRate: 2e-3, schedule: Schedule(.cosine), seed: 1)

    print("training the full network")
    let full = try Model(network).trained(training, on: data).model

    // Each layer keeps the singular values that hold 75 % of its energy; where that saves nothing, it stays whole.
    let (factorized, findings) = try full.applying("svd-factorization", ["energy": 0.75])
    findings.forEach { print($0) }

    print("training the factors")
    var tuning = training
    tuning.learningRate = 5e-4
    let tuned = try factorized.trained(tuning, on: data).model

    let stages = try [("full", full), ("factorized", factorized), ("trained on", tuned)]
        .map { stage, model in try model.measured(as: stage, on: data) }
    print("\n" + Report(title: "Low rank, 1-10-20-320-50-10", comparing: stages).text)
}
