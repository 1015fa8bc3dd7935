// LeNet-5 in 8 bits three ways: ranges found while running, ranges fixed beforehand, and trained for it.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(2_000) }
    let network = try Architecture.named("lenet-5").makeGraph(seed: 1)

    print("training the float network")
    let training = TrainingConfiguration(epochs: isQuick ? 1 : 3, batchSize: 128, schedule: Schedule(.cosine), seed: 1)
    let float = try Model(network).trained(training, on: data).model

    // Dynamic: matrix products take int8 weights and find their inputs' range at each run; no data is needed.
    // Convolutions stay float, as in torch.
    let dynamic = try float.applying("dynamic-quantization").model

    // Static: the ranges are fixed beforehand on calibration images, so everything between is integer.
    let fixed = try float.applying("static-quantization", ["samples": 512], data: data).model

    // Quantization-aware: the network trains with the rounding in place and learns to live with it.
    print("training with rounding in place")
    let aware = try float.applying(
        "finetune", ["epochs": 1, "learning-rate": 1e-4, "with": ["quantization-aware-training"]], data: data, seed: 1).model

    let stages = try [("float32", float), ("dynamic int8", dynamic), ("static int8", fixed), ("trained int8", aware)]
        .map { stage, model in try model.measured(as: stage, on: data) }
    print("\n" + Report(title: "Integer quantization, LeNet-5", comparing: stages).text)
}
