import Foundation

/// What the toolkit wants to reach in one kind of work, and what it reached.
struct Target {
    var work: String
    var against: String
    var goal: Double
    /// How many times faster Winnow is, by row.
    var ratios: [(row: Row, ratio: Double)]

    init(_ work: String, against: String, goal: Double, _ rows: [Row], _ ratio: (Row) -> Double?) {
        self.work = work
        self.against = against
        self.goal = goal
        ratios = rows.compactMap { row in ratio(row).map { (row, $0) } }
    }

    func ratios(threads: Int) -> [(row: Row, ratio: Double)] { ratios.filter { $0.row.threads == threads } }
}

func geometricMean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : exp(values.map { log($0) }.reduce(0, +) / Double(values.count))
}

extension Results {
    var targets: [Target] {
        // OpenVINO quantizes the data of weight-only models of its own accord: another arithmetic.
        let executed = rows.filter { $0.work == .inference && $0.precision != .weightOnly }
        let convolutional = Set(executed.filter(\.isConvolutional).map(\.baseModel))
        func isConvolutional(_ row: Row) -> Bool { convolutional.contains(row.baseModel) }
        let quantized = executed.filter { $0.precision != .float32 }
        let steps = rows.filter { $0.work == .training && $0.passes.isEmpty }
        return [
            Target("int8 CNN inference", against: "onnxruntime", goal: 3, quantized.filter(isConvolutional)) { $0.ratio(over: "onnxruntime") },
            Target(
                "int8 transformer and MLP inference, static and dynamic", against: "onnxruntime", goal: 1.5,
                quantized.filter { !isConvolutional($0) }
            ) { $0.ratio(over: "onnxruntime") },
            Target("int8 CNN inference (the goal is for AMX)", against: "our float32", goal: 4, quantized.filter(isConvolutional), floatRatio),
            Target("float32 inference", against: "onnxruntime", goal: 1.1, executed.filter { $0.precision == .float32 }) {
                $0.ratio(over: "onnxruntime")
            },
            Target("float32 and int8 inference", against: "openvino", goal: 1, executed) { $0.ratio(over: "openvino") },
            Target("training step, float32", against: "torch, the best", goal: 1.2, steps) { $0.ratioOverTorch(of: Contestant.ours) },
            Target("training step, bfloat16 math", against: "torch in float32, the best", goal: 2, steps) {
                $0.ratioOverTorch(of: Contestant.oursInBFloat16)
            },
            Target("static quantization, whole", against: "onnxruntime's quantize_static", goal: 10, rows.filter { $0.work == .quantization }) {
                $0.ratio(over: "onnxruntime")
            },
        ].filter { !$0.ratios.isEmpty }
    }

    private func floatRatio(_ row: Row) -> Double? {
        let float = rows.first {
            $0.work == row.work && $0.model == row.baseModel && $0.batch == row.batch && $0.threads == row.threads
        }
        guard let ours = row[Contestant.ours]?.medianMilliseconds, let before = float?[Contestant.ours]?.medianMilliseconds else { return nil }
        return before / ours
    }
}

extension Row {
    /// Against the faster of eager and compiled.
    func ratioOverTorch(of ours: String) -> Double? {
        ratio(overBestOf: ["torch", "torch compiled"], of: ours)
    }
}
