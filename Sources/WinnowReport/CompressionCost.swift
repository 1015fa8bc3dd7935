import WinnowTensor

/// What a model costs whoever runs it.
public enum CompressionCost: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
    /// Bytes of the file.
    case size
    /// Bytes of the file's zip.
    case zippedSize = "zipped-size"
    /// Milliseconds of one sample on one thread of this machine, or as a program measures it.
    case latency
    /// Multiply–accumulates of one sample.
    case multiplyAccumulates = "macs"

    /// As tables call it.
    public var words: String {
        switch self {
        case .size: "size"
        case .zippedSize: "zipped size"
        case .latency: "latency"
        case .multiplyAccumulates: "multiply–accumulates"
        }
    }

    /// A number of this with its unit.
    public func text(_ value: Double) -> String {
        switch self {
        case .size, .zippedSize: Format.bytes(Int(saturating: value.rounded()))
        case .latency: Format.milliseconds(value)
        case .multiplyAccumulates: Format.count(Int(saturating: value.rounded()))
        }
    }
}
