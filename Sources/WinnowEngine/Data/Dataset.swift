package import WinnowGraph
package import WinnowTensor

/// Samples, with labels or without: tensors whose first axis counts the samples, and values that all of them share.
public struct Dataset: Sendable {
    public var features: [Feature]
    /// One class index a sample.
    public var labels: [Int]?
    /// The labels as the array they were, for models with an input of its name.
    package var labelArray: Feature?
    /// Whether several labels of a sample are a text, as a loss that aligns them by itself has them, and no classes of places.
    package var labelsAreTexts = false

    /// Throws `.data` if the features or labels differ in their number of samples.
    public init(_ features: [Feature], labels: [Int]? = nil) throws {
        self.features = features
        self.labels = labels
        for feature in features where !feature.isShared && (feature.parts.contains { $0.shape.rank == 0 } || feature.count != count) {
            guard !feature.parts.contains(where: { $0.shape.rank == 0 }) else {
                throw WinnowError(
                    .data, "feature \(feature.name)", "is a single number, not one a sample", remedy: "give the model's input of that name a number a sample")
            }
            throw WinnowError(
                .data, "feature \(feature.name)", "has shape \(feature.parts.first?.shape ?? []), not \(count) samples",
                remedy: "the first axis of every array counts the samples")
        }
        if let labels, labels.count != count {
            throw WinnowError(.data, "labels", "there are \(labels.count) for \(count) samples")
        }
    }

    /// The number of samples.
    public var count: Int { (features.first { !$0.isShared } ?? features.first)?.count ?? 0 }

    /// What arrays of labels are called.
    package static let labelName = "labels"

    /// Class indices of places, such as tokens or pixels, where labels are not one a sample.
    package var placeLabels: Feature? { labelsAreTexts ? nil : severalLabels }

    /// Whole numbers where labels are not one a sample, whatever they stand for.
    package var severalLabels: Feature? {
        guard labels == nil, let own = labelArray ?? features.first(where: { $0.name == Self.labelName }) else { return nil }
        return own.hasPlaces && own.elementType.isInteger ? own : nil
    }

    /// Why it has no classes to judge by, where `labels` is nil.
    package var labelObjection: String {
        guard let labelArray = labelArray ?? severalLabels, labelArray.hasPlaces else { return MetricPlace.noLabels }
        return "labels are \(labelArray.elementType) [\(labelArray.sampleShape(at: 0))] a sample, \(labelsAreTexts ? "texts" : "not one class")"
    }

    /// A run of samples, sharing memory.
    public func subset(_ range: Range<Int>) -> Dataset { selecting(Array(range)) }

    /// The samples at `indices` in that order, sharing memory.
    public func selecting(_ indices: [Int]) -> Dataset {
        var result = self
        for index in features.indices { result.features[index] = features[index].selecting(indices) }
        result.labelArray = labelArray?.selecting(indices)
        result.labels = labels.map { labels in indices.map { labels[$0] } }
        return result
    }

    /// The samples at `indices`, all of one shape, as the model takes them. Throws where they cannot be read.
    package func batch(at indices: [Int]) throws -> [ValueName: Tensor] {
        Dictionary(try features.map { ($0.name, try $0.batch(at: indices)) }, uniquingKeysWith: { first, _ in first })
    }

    /// The input shapes of a batch of `count` samples shaped like the one at `index`.
    package func batchShapes(count: Int, like index: Int = 0) -> [ValueName: Shape] {
        Dictionary(
            features.map { ($0.name, $0.batchShape(count: count, like: index)) }, uniquingKeysWith: { first, _ in first })
    }
}
