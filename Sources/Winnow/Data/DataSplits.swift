public import WinnowEngine
public import WinnowGraph
import WinnowTensor

/// Data, read or in memory, split for training, choosing and the final test.
///
/// ```swift
/// let images = Tensor(pixels, shape: [count, 1, 28, 28])
/// let data = try DataSplits(splitting: Dataset([.init(name: "image", images)], labels: classes))
/// ```
public struct DataSplits: Sendable {
    public var training: Dataset?
    public var validation: Dataset?
    public var test: Dataset?
    /// Every sample of a source that names no splits.
    public var whole: Dataset?
    /// What was read, what was done to it and how it was split, a line each.
    public var notes: [String]
    /// What is done to pictures, as `images.yaml` says it; nil for samples of other kinds.
    var preparation: String?

    /// Samples for each purpose, read or in memory.
    public init(training: Dataset? = nil, validation: Dataset? = nil, test: Dataset? = nil, notes: [String] = []) {
        self.training = training
        self.validation = validation
        self.test = test
        self.notes = notes
    }

    public enum Split: String, Sendable, CaseIterable { case training, validation, test, all }

    public subscript(split: Split) -> Dataset? {
        get {
            switch split {
            case .training: training
            case .validation: validation
            case .test: test
            case .all: whole
            }
        }
        set {
            switch split {
            case .training: training = newValue
            case .validation: validation = newValue
            case .test: test = newValue
            case .all: whole = newValue
            }
        }
    }

    /// The split, or `.data` saying that `source` has none.
    public func required(_ split: Split, of source: String) throws -> Dataset {
        guard let data = self[split] else {
            throw WinnowError(
                .data, source, split == .all ? "has splits of its own" : "has no \(split.rawValue) samples",
                remedy: "it has \(Split.allCases.filter { self[$0] != nil }.map(\.rawValue).joined(separator: ", "))")
        }
        return data
    }
}

extension DataSplits {
    /// The same for a recipe: labels are texts where a loss of it takes them for such.
    func taken(by recipe: Recipe) -> DataSplits {
        guard recipe.passes.contains(where: \.takesLabelsForTexts) else { return self }
        var result = self
        for split in Split.allCases { result[split]?.labelsAreTexts = true }
        return result
    }

    /// Samples without named splits. Each belongs to one split, by a hash of its contents: about 80 % train, 10 % validate,
    /// 10 % test. Fewer than ten serve as all three. Throws where samples cannot be read.
    public init(splitting data: Dataset, notes: [String] = []) throws {
        self.init(notes: notes)
        whole = data
        guard let split = try ContentSplit(data) else {
            serveAsAll("so few that all of them train, validate and test")
            return
        }
        (training, validation, test) = (split.training, split.validation, split.test)
        self.notes.append(
            "no splits are named: by its contents each sample trains (\(split.training.count)), validates "
                + "(\(split.validation.count)) or tests (\(split.test.count))")
    }

    /// Lets all samples serve as every split.
    private mutating func serveAsAll(_ reason: String) {
        guard let whole else { return }
        (training, validation, test) = (whole, whole, whole)
        notes.append("\(whole.count == 1 ? "1 sample is" : "\(whole.count) samples are") \(reason): accuracy is that of samples the model may have seen")
    }

    /// The splits as `graph` needs them: a model whose inputs fix as many rows as there are takes them all at once, and they
    /// stay together, for its first axis may count something else than samples.
    public func kept(for graph: Graph) -> DataSplits {
        guard let whole, let count = graph.fixedBatchSize, count == whole.count, count > 1, training?.count != count else { return self }
        var result = self
        result.notes.removeLast()
        result.serveAsAll("what the model takes at once, so all of them train, validate and test")
        return result
    }

    /// The same; throws `.data` naming what of a sample does not fit the inputs of `graph`.
    public func fitting(_ graph: Graph) throws -> DataSplits {
        for split in Split.allCases { _ = try self[split]?.drawn(1).adapted(to: graph) }
        return kept(for: graph)
    }

    /// Samples that fix ranges of activations. Where there are no labels nothing is judged by them, so every sample may.
    package var calibration: Dataset? { whole?.labels == nil && whole?.severalLabels == nil ? whole ?? training : training }
}
