public import WinnowEngine

extension DataSplits {
    /// The splits with `transform` applied to each.
    public func map(_ transform: (Dataset) throws -> Dataset) rethrows -> DataSplits {
        var result = self
        for split in Split.allCases { result[split] = try self[split].map(transform) }
        return result
    }

    /// At most `count` samples of each split, drawn over all classes and places.
    public func drawn(_ count: Int, seed: UInt64 = 0) -> DataSplits { map { $0.drawn(count, seed: seed) } }
}
