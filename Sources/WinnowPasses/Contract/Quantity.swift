import Foundation

/// What the number of a finding or a metric is about.
public struct Quantity: Hashable, Sendable {
    /// As reports call it: `sparsity`.
    public let name: String
    /// `%` for parts of one, `bits`, `dB`; empty for plain numbers.
    public let unit: String

    public init(_ name: String, unit: String = "") {
        self.name = name
        self.unit = unit
    }

    /// Nothing is measured: the finding is all in its words.
    public static let none = Quantity("")
    /// The part that is zero or masked.
    public static let sparsity = Quantity("sparsity")
    public static let targetSparsity = Quantity("target sparsity")
    public static let parameters = Quantity("parameters")
    public static let elements = Quantity("elements")
    public static let rank = Quantity("rank")
    public static let nodes = Quantity("nodes")
    /// Those that could compute in integers, and those that do.
    public static let integerLayers = Quantity("layers in integers")
    public static let inputs = Quantity("inputs")
    public static let outputChannels = Quantity("output channels")
    public static let unmaskedChannels = Quantity("output channels that are not masked")
    /// The part of a tensor's channels that are below a hundredth of its largest one.
    public static let smallChannels = Quantity("channels below 1 % of the largest")
    public static let elementSize = Quantity("element size", unit: "bits")
    public static let byteCount = Quantity("size", unit: "bytes")
    /// Of the values that codes can stand for.
    public static let rangeWidth = Quantity("width of the range")
    public static let largestMagnitude = Quantity("largest magnitude")
    /// The largest channel by the mean of all.
    public static let channelSpread = Quantity("largest channel by the mean")
    public static let largestMeanShift = Quantity("largest shift of a channel's mean")
    /// ‖after − before‖ / ‖before‖.
    public static let relativeChange = Quantity("relative change")
    /// ‖change of the outputs‖ / ‖outputs‖ of a layer.
    public static let layerError = Quantity("relative error of the layer's outputs")
    /// 10·log₁₀ of the energy of a model's outputs over that of their change.
    public static let outputSignal = Quantity("SQNR of the outputs", unit: "dB")
    /// 10·log₁₀ of the part of the outputs' energy that something takes.
    public static let outputNoise = Quantity("noise at the outputs", unit: "dB")
    public static let stepSamples = Quantity("samples in a step")
    public static let trainingLoss = Quantity("training loss")
    /// What training makes small, where nobody said it and it is no cross-entropy with one label a sample.
    public static let objective = Quantity("objective")

    /// What choices are made by, on validation data: `top-1`, `loss`.
    public static func validation(_ name: String) -> Quantity { Quantity("validation \(name)") }
}

extension Quantity {
    /// A number as findings give it: whole ones in full, others in six digits.
    package func text(_ value: Double) -> String {
        value == value.rounded() ? value.shortText : String(format: "%.6g", value)
    }
}
