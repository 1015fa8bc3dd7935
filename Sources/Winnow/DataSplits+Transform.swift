public import WinnowEngine

extension DataSplits {
    /// The splits with `transform` applied to each.
    public func map(_ transform: (Dataset) throws -> Dataset) rethrows -> DataSplits {
        var result = self
        result.training = try training.map(transform)
        result.validation = try validation.map(transform)
        result.test = try test.map(transform)
        return result
    }

    /// At most the first `count` samples of each split.
    public func prefix(_ count: Int) -> DataSplits { map { $0.subset(0..<Swift.min(count, $0.count)) } }
}
