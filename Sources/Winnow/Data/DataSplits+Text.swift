extension DataSplits: CustomStringConvertible {
    /// `192 training, 64 validation samples of input float32 16 in 4 classes`
    public var description: String {
        let named = [Split.training, .validation, .test].filter { self[$0] != nil }
        let own = (named.isEmpty ? [.all] : named).compactMap { split in self[split].map { (split, $0) } }
        guard let first = own.first?.1 else { return "no samples" }
        let counts = own.map { "\($0.1.count) \($0.0.rawValue)" }.joined(separator: ", ")
        return counts + first.words.drop { $0 != " " }
    }
}
