import Foundation
public import WinnowEngine
import WinnowGraph
public import WinnowPasses
public import WinnowReport
import WinnowTensor

/// Finds a recipe that brings a model to targets: what `winnow compress` does.
///
/// First every way to store the model is tried as it is. Then, where there are samples to train on, channels or ranks are taken away, as
/// much as the targets ask for, and what is left is trained by successive halving: all candidates for a short time, the better half for
/// twice as long. What is tried follows from the model, the targets and how fast this machine trains, which is measured once: a search that
/// was stopped goes on where it was and ends with the same bytes.
public struct CompressionSearch: Sendable {
    public var input: Model
    /// The file to write.
    public var output: String
    public var data: DataSplits?
    public var targets: CompressionTargets
    /// The runtime that integers are for.
    public var profile: Chosen<ExportProfiles> = "onnxruntime"
    /// What models are judged by in place of top-1 or agreement.
    public var judge: Judge?
    /// Prints the milliseconds that a model's file takes, in place of Winnow's own measurement.
    public var latencyProgram: ModelProgram?
    public var timeBudget: Duration = .seconds(20 * 60)
    public var seed: UInt64 = 0
    /// Where candidates are kept, for `pick` and for going on.
    public var folder: String
    /// The HTML report to write, the same as JSON beside it; nil: none.
    public var report: String?
    /// Shapes of inputs whose extents neither model nor data tell, as `image=1x3x224x224`.
    public var shapes: [String] = []
    /// Files and folders that no output may take the place of, beside the input.
    public var sources: [String] = []
    /// The command that asks for this, as the report says how to get the same.
    public var command: String?

    public init(_ input: Model, output: String, data: DataSplits? = nil, targets: CompressionTargets = CompressionTargets()) {
        (self.input, self.output, self.data, self.targets) = (input, output, data, targets)
        folder = OutputName.companion(of: output, suffix: ".search")
    }
}

/// What a search found.
public struct CompressionOutcome: Sendable {
    /// What was written.
    public var best: SearchTrial
    public var targets: [SearchSummary.Target]
    /// Everything that was measured, the original first.
    public var trials: [SearchTrial]
    /// What could not be tried, and what else must be known.
    public var notes: [String]
    public var report: Report
    /// The recipe's file.
    public var recipe: String

    /// Whether every target is met.
    public var isMet: Bool { targets.allSatisfy(\.isMet) }
}
