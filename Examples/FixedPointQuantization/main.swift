// Stores the weights of a 784-256-10 perceptron in 8 and 4 bits, as fixed-point numbers and as 4-bit floats.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(5_000) }
    let network = try Architecture.named("mlp").makeGraph(seed: 1, widths: [784, 256, 10])

    print("training the float network")
    let training = TrainingConfiguration(epochs: isQuick ? 2 : 8, batchSize: 128, schedule: Schedule(.cosine), seed: 1)
    let float = try Model(network).trained(training, on: data).model
    var stages = [try float.measured(as: "float32", on: data)]

    // A weight is scale · code, and the scale is kept: codes lie in ±127 for 8 bits and in ±7 for 4.
    let methods: [(stage: String, pass: String, settings: [String: HyperparameterValue])] = [
        ("8 bits", "fixed-point-quantization", ["bits": 8]),
        ("8 bits, Qm.f", "fixed-point-quantization", ["bits": 8, "power-of-two": true]),
        ("4 bits", "fixed-point-quantization", ["bits": 4]),
        ("4 bits, a scale per unit", "fixed-point-quantization", ["bits": 4, "per-channel": true]),
        ("FP4 (E2M1)", "float4-quantization", ["block-size": 32]),
    ]
    for method in methods {
        let (model, findings) = try float.applying(method.pass, method.settings)
        print("\n\(method.stage)")
        for finding in findings where finding.status == .done { print("  \(finding)") }
        stages.append(try model.measured(as: method.stage, on: data))
    }
    print("\n" + Report(title: "Fixed-point quantization, 784-256-10", comparing: stages).text)
}
