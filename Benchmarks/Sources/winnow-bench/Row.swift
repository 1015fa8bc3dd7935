import Foundation
import Winnow

/// What every contestant took for one task at one number of threads.
struct Row: Codable {
    struct Time: Codable {
        var contestant: String
        /// The median over rounds of the rounds' medians.
        var medianMilliseconds: Double?
        var percentile95Milliseconds: Double?
        /// With caches emptied before each execution.
        var coldMilliseconds: Double?
        var error: String?
    }

    enum Precision: String, Codable, CaseIterable {
        case float32, int8, dynamic
        case weightOnly = "weight-only"
    }

    var model: String
    var work: Task.Work
    var batch: Int
    var threads: Int
    var passes: [String]
    var times: [Time]
    /// What Winnow's plan tells: contractions and every other step of a hundredth of the time, in order; the time of all
    /// steps, the bytes of intermediate values, the work as far as it is known.
    var steps: [PlanStepTiming] = []
    var stepsMilliseconds: Double?
    var plannedByteCount: Int?
    var multiplyAccumulates: Int?
    /// Of the model's forward pass.
    var forwardMultiplyAccumulates: Int

    subscript(contestant: String) -> Time? { times.first { $0.contestant == contestant } }

    /// As the file's name says.
    var precision: Precision {
        Precision.allCases.first { model.hasSuffix("-\($0.rawValue)") } ?? .float32
    }

    /// The float32 model of a quantized one.
    var baseModel: String { precision == .float32 ? model : String(model.dropLast(precision.rawValue.count + 1)) }

    var contractions: [PlanStepTiming] { steps.filter { $0.multiplyAccumulates != nil } }

    /// Whether most of the work is in convolutions.
    var isConvolutional: Bool {
        let inConvolutions = contractions.filter { $0.operatorType.contains("Conv") }.reduce(0) { $0 + ($1.multiplyAccumulates ?? 0) }
        return 2 * inConvolutions > contractions.reduce(0) { $0 + ($1.multiplyAccumulates ?? 0) }
    }

    /// How many times faster Winnow is than a contestant.
    func ratio(over peer: String, of ours: String = Contestant.ours) -> Double? {
        guard let our = self[ours]?.medianMilliseconds, let their = self[peer]?.medianMilliseconds, our > 0 else { return nil }
        return their / our
    }

    /// How many times faster it is than the fastest of the contestants that could do the work.
    func ratio(overBestOf peers: [String], of ours: String = Contestant.ours) -> Double? {
        peers.compactMap { ratio(over: $0, of: ours) }.min()
    }

    var label: String { "\(model), batch \(batch), \(threads) thread\(threads == 1 ? "" : "s")" }
}

/// What the machine reaches with a square matrix product through our own kernels, in 10⁹ multiply–accumulates a second.
struct Peak: Codable {
    var threads: Int
    var precision: Row.Precision
    var gigaMultiplyAccumulatesPerSecond: Double
}

/// A whole run.
struct Results: Codable {
    var environment: [String: String]
    /// As it was typed.
    var command: String
    var rounds: Int
    var seconds: Double
    var peaks: [Peak]
    var rows: [Row]
    /// What was not measured, and why.
    var leftOut: [String]
    /// `winnow inspect` of a file: its bytes, and the milliseconds of processor time of the whole process.
    var inspection: Inspection?

    struct Inspection: Codable {
        var model: String
        var byteCount: Int
        var processorMilliseconds: Double
    }

    func peak(_ row: Row) -> Double? {
        let precision: Row.Precision = [.int8, .dynamic].contains(row.precision) ? .int8 : .float32
        return peaks.first { $0.threads == row.threads && $0.precision == precision }?.gigaMultiplyAccumulatesPerSecond
    }
}
