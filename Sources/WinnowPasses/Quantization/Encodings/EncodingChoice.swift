import WinnowGraph

/// Scales and zero points that are given, in place of those that would be found.
public struct EncodingChoice: HyperparameterGroup {
    @Hyperparameter("JSON file of encodings, as AIMET and `winnow inspect --encodings` write, for whatever it names")
    public var encodings: String? = nil

    public init() {}

    var files: [String] { encodings.map { [$0] } ?? [] }

    /// What the file says of a graph; nothing without one.
    func table(about graph: Graph) throws -> EncodingTable {
        try encodings.map { try EncodingTable(reading: $0).about(graph) } ?? EncodingTable()
    }
}
