package import WinnowGraph
package import WinnowTensor

/// 1 with the probability that the input gives for each element, else 0.
package struct Bernoulli: Decomposition {
    package static let type = OperatorType("Bernoulli")
    package static let maximumInputCount = 1
    package static var typeAttributes: Set<String> { ["dtype"] }
    package var draws: Bool { true }

    /// The element type; nil is the input's.
    package var target: ElementType?
    package var seed: Float?

    package init(target: ElementType? = nil, seed: Float? = nil) {
        self.target = target
        self.seed = seed
    }

    package init(attributes: Attributes, version: Int) throws {
        let code = try attributes.int("dtype")
        self.init(target: code.flatMap { ElementType(rawValue: $0) }, seed: try attributes.float("seed"))
        guard code == nil || target != nil else { throw WinnowError(.model, "dtype", "names no element type that is known") }
    }

    package var attributes: Attributes {
        var attributes: Attributes = [:]
        if let target { attributes["dtype"] = .int(target.rawValue) }
        if let seed { attributes["seed"] = .float(seed) }
        return attributes
    }

    package var minimumVersion: Int { 15 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try target ?? inputs.required(0).elementType, try inputs.required(0).extents)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let draw = RandomDistribution(isNormal: false, first: 0, second: 1, seed: seed)
        let isDrawn = try b.add(Less(), b.add(RandomUniformLike(draw), x), x)
        return [try b.add(Cast(to: target ?? b.elementType(of: x)), isDrawn)]
    }
}
