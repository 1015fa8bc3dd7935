// A pruner object: masks in, ten epochs of Adam, masks out, evaluate. The network has Dropout, which only training sees.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(2_000) }
    let network = try Architecture.named("cnn-dropout").makeGraph(seed: 1)
    let adam = TrainingConfiguration(
        epochs: isQuick ? 1 : 10, batchSize: 128, learningRate: 2e-3, optimizer: .adam(), schedule: Schedule(.cosine), seed: 1)

    print("training the dense network")
    var start = adam
    start.epochs = isQuick ? 1 : 5
    let dense = try Model(network).trained(start, on: data).model

    var pruner = EasyPrune(dense, targetSparsity: 0.5)
    for finding in try pruner.prune() where finding.status == .done { print(finding) }

    print("training on with the masks")
    pruner.model = try pruner.model.trained(adam, on: data).model

    let masked = pruner.model
    try pruner.unprune()
    let pruned = pruner.model

    // Taking the masks out must not change a single output.
    for output in try Comparison(masked, pruned, data: data).outputs {
        print("largest difference of \(output.name) after unprune: \(output.deviation.maximumDifference)")
    }
    let stages = try [("dense", dense), ("pruned", pruned)].map { stage, model in try model.measured(as: stage, on: data) }
    print("\n" + Report(title: "Pruner object, 1-10-20-320-50-10", comparing: stages).text)
}
