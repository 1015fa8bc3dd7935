// Prunes a 2352-200-200-10 perceptron by percentile in rounds until validation accuracy falls out of bounds.
import Winnow

let isQuick = CommandLine.arguments.contains("--quick")
let maximumDrop = 0.01

/// The non-zero weights of each tensor as one line of bars.
func draw(_ measurement: ModelMeasurement) {
    let bars = Array(" ▁▂▃▄▅▆▇█")
    print("\nweights of the \(measurement.stage) network")
    for tensor in measurement.tensors {
        guard let histogram = tensor.histogram, let most = histogram.counts.max() else { continue }
        let line = histogram.counts.map { bars[($0 * 8 + most - 1) / most] }
        let (low, high) = (Float(histogram.low), Float(histogram.high))
        print("  \(tensor.name) [\(low), \(high)], \(histogram.counts.reduce(0, +)) not zero\n  |\(String(line))|")
    }
}

/// Grey images as three equal channels.
func coloured(_ grey: Dataset) throws -> Dataset {
    let image = grey.features[0]
    let tensor = try image.tensor.reshaped([grey.count, 1, 784]).selecting([0, 0, 0], axis: 1)
    return try Dataset([.init(tensor, scale: image.scale)], labels: grey.labels)
}

Program.run {
    var data = try DataSplits(reading: "fashion-mnist")
    if isQuick { data = data.drawn(2_000) }
    data = try data.map(coloured)
    guard let validation = data.validation else { return }
    let network = try Architecture.named("mlp").makeGraph(seed: 1, widths: [2352, 200, 200, 10])
    print(try LayerTable(network).text)

    let first = TrainingConfiguration(epochs: isQuick ? 2 : 6, batchSize: 128, schedule: Schedule(.cosine), seed: 1)
    let dense = try Model(network).trained(first, on: data).model
    let bound = try dense.evaluated(on: validation).top1 - maximumDrop
    print("\nvalidation top-1 must stay above \(bound)")

    // Sort, take half of what is left, train on, look: until the look is bad.
    let tuning = TrainingConfiguration(epochs: isQuick ? 1 : 2, batchSize: 128, schedule: Schedule(.cosine), seed: 1)
    var (best, candidate) = (dense, dense)
    for round in 1...(isQuick ? 2 : 10) {
        candidate = try candidate.applying(
            "magnitude-pruning", ["mode": "percentile", "percentile": 50, "method": "linear", "keep-mask": true]).model
        candidate = try candidate.trained(tuning, on: data).model
        let top1 = try candidate.evaluated(on: validation).top1
        print("round \(round): validation top-1 \(top1)\(top1 < bound ? ", out of bounds" : "")")
        if top1 < bound { break }
        best = candidate
    }

    let pruned = try best.applying("fold-masks").model
    let stages = try [("dense", dense), ("pruned", pruned)].map { stage, model in try model.measured(as: stage, on: data) }
    stages.forEach(draw)
    print("\n" + Report(title: "Percentile pruning, 2352-200-200-10", comparing: stages).text)
}
