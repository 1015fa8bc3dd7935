import Foundation
import Winnow

/// The tasks of a run: which batches each file takes.
struct Suite {
    var batches: [Int]
    var trainingBatch: Int
    /// The multiply–accumulates one execution or step may take.
    var largest: Double
    var seconds: Double
    private(set) var tasks: [Task] = []
    private(set) var leftOut: [String] = []

    init(batches: [Int], trainingBatch: Int, largest: Double, seconds: Double) {
        self.batches = batches
        self.trainingBatch = trainingBatch
        self.largest = largest
        self.seconds = seconds
    }

    mutating func addInference(_ file: String) throws {
        let model = try Model(reading: file)
        let fixed = model.graph.inputs.first?.type.extents?.first?.value
        let operations = model.multiplyAccumulates ?? 0
        var left: [Int] = []
        for batch in fixed.map({ [$0] }) ?? batches {
            if batch > 1, Double(batch * operations) > largest { left.append(batch); continue }
            tasks.append(
                Task(
                    work: .inference, model: file, batch: batch, multiplyAccumulates: batch * operations, seconds: seconds,
                    coldRuns: batch == 1 ? 5 : 0))
        }
        let giga = String(format: "%.2f", Double(operations) / 1e9)
        if !left.isEmpty {
            leftOut.append(
                "\(modelName(file)), batch \(left.map(String.init).joined(separator: " and ")): \(giga) · 10⁹ multiply–accumulates a sample")
        }
        if let fixed, batches.contains(where: { $0 != fixed }) {
            leftOut.append("\(modelName(file)), other batches than \(fixed): the published file fixes it")
        }
    }

    mutating func addTraining(_ file: String, passes: [String]) throws {
        let operations = try Model(reading: file).multiplyAccumulates ?? 0
        var batch = trainingBatch
        while batch > 1, Double(3 * batch * operations) > largest { batch /= 2 }
        for passes in [[]] + passes.map({ [$0] }) {
            tasks.append(
                Task(
                    work: .training, model: file, batch: batch, multiplyAccumulates: batch * operations, seconds: seconds,
                    passes: passes))
        }
    }

    /// The samples to calibrate on are in the npz beside the file.
    mutating func addQuantization(_ file: String) throws {
        let data = URL(fileURLWithPath: file).deletingPathExtension().appendingPathExtension("npz").path
        let samples = try DataSplits(reading: data).training?.count ?? 0
        tasks.append(Task(work: .quantization, model: file, batch: samples, seconds: seconds, data: data))
    }
}

/// The file's name without folder and extension.
func modelName(_ file: String) -> String { URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent }
