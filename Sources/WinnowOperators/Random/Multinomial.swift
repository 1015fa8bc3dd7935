package import WinnowGraph
package import WinnowTensor

/// Indices drawn with the probabilities that the softmax of each row (N, classes) gives: (N, samples).
///
/// The largest of logit − log(−log u), u uniform, is drawn with its probability (Gumbel 1954).
package struct Multinomial: Decomposition {
    package static let type = OperatorType("Multinomial")
    package static let maximumInputCount = 1
    package static var typeAttributes: Set<String> { ["dtype"] }
    package var draws: Bool { true }

    package var sampleCount: Int
    package var target: ElementType
    package var seed: Float?

    package init(sampleCount: Int = 1, target: ElementType = .int32, seed: Float? = nil) {
        self.sampleCount = sampleCount
        self.target = target
        self.seed = seed
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let target = ElementType(rawValue: try attributes.int("dtype", default: ElementType.int32.rawValue)) else {
            throw WinnowError(.model, "dtype", "names no element type that is known")
        }
        self.init(
            sampleCount: try attributes.int("sample_size", default: 1), target: target, seed: try attributes.float("seed"))
        guard sampleCount > 0 else { throw WinnowError(.model, "sample_size", "is \(sampleCount), but must be positive") }
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["dtype": .int(target.rawValue), "sample_size": .int(sampleCount)]
        if let seed { attributes["seed"] = .float(seed) }
        return attributes
    }

    package var minimumVersion: Int { 7 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(target, [.unknown, .fixed(sampleCount)])]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let rows = try b.unsqueezed(inputs.required(0), [1])
        guard try b.rank(of: rows) == 3 else { throw WinnowError(.shape, "input", "must have two axes") }
        let logits = try b.add(Expand(), rows, b.integers([1, sampleCount, 1], name: "shape"))
        let distribution = RandomDistribution(isNormal: false, first: 0, second: 1, seed: seed)
        func negativeLog(_ value: ValueName) throws -> ValueName { try b.negate(b.add(Log(), value)) }
        let noise = try negativeLog(negativeLog(b.add(RandomUniformLike(distribution), logits)))
        let drawn = try b.add(ArgMax(axis: 2, keepsAxis: false), b.add(logits, noise))
        return [target == .int64 ? drawn : try b.add(Cast(to: target), drawn)]
    }
}
