// Sets the small weights of a 784-256-10 perceptron to zero and trains on; the zeros stay.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(5_000) }
    let network = try Architecture.named("mlp").makeGraph(seed: 1, widths: [784, 256, 10])

    print("training the dense network")
    let training = TrainingConfiguration(epochs: isQuick ? 2 : 8, batchSize: 128, schedule: Schedule(.cosine), seed: 1)
    let dense = try Model(network).trained(training, on: data).model

    // Every |w| ≤ 0.03 is multiplied by a mask of 0: training cannot bring it back, whatever the optimizer.
    let (masked, findings) = try dense.applying(
        "magnitude-pruning", ["mode": "threshold", "threshold": 0.03, "keep-mask": true])
    for finding in findings where finding.status == .done { print(finding) }

    print("training on with the masks")
    let tuned = try masked.trained(training, on: data).model

    // The masks have done their work: multiply them in, and what remains is an ordinary network.
    let pruned = try masked.applying("fold-masks").model
    let final = try tuned.applying("fold-masks").model

    var (zeroCount, keptCount) = (0, 0)
    for (name, weight) in pruned.parameters where weight.rank == 2 {
        let after = final.parameters[name]?.floats() ?? []
        for (old, new) in zip(weight.floats(), after) where old == 0 {
            zeroCount += 1
            if new == 0 { keptCount += 1 }
        }
    }
    print("zeros that stayed zero: \(keptCount) of \(zeroCount)\n")

    let stages = try [("dense", dense), ("pruned", pruned), ("trained on", final)]
        .map { stage, model in try model.measured(as: stage, on: data) }
    print(Report(title: "Threshold pruning, 784-256-10", comparing: stages).text)
}
