// A 784-256-10 teacher helps a 784-128-10 student that sees few images, at temperature 10; the same student alone is the
// yardstick.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(5_000) }
    let perceptron = try Architecture.named("mlp")

    print("training the teacher on all images")
    let training = TrainingConfiguration(
        epochs: isQuick ? 4 : 12, batchSize: 128, learningRate: 2e-3, schedule: Schedule(.cosine), seed: 1)
    let teacher = try Model(perceptron.makeGraph(seed: 1, widths: [784, 256, 10])).trained(training, on: data).model

    // Both students start from the same weights and see the same few images; only the loss differs.
    var few = data
    few.training = data.training?.subset(0..<(isQuick ? 500 : 5_500))
    let start = try Model(perceptron.makeGraph(seed: 2, widths: [784, 128, 10]))
    var settings: [String: HyperparameterValue] = ["epochs": 40, "batch-size": 128, "learning-rate": 2e-3]
    print("training the student alone on a tenth of them")
    let alone = try start.applying("finetune", settings, data: few, seed: 1).model

    print("training the student with its teacher on the same tenth")
    settings["with"] = [["distillation": ["temperature": 10, "alpha": 0.7]]]
    let taught = try start.applying("finetune", settings, data: few, teacher: teacher, seed: 1).model

    let stages = try [("teacher", teacher), ("student alone", alone), ("student, taught", taught)]
        .map { stage, model in try model.measured(as: stage, on: data) }
    print("\n" + Report(title: "Distillation, 784-256-10 → 784-128-10, T = 10", comparing: stages).text)
}
