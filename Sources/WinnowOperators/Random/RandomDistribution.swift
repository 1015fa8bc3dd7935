import WinnowGraph
package import WinnowTensor

/// Which numbers a random operator draws: a + b·z with z normal, or uniform between a and b.
package struct RandomDistribution: Sendable, Hashable {
    package var isNormal: Bool
    package var first: Float
    package var second: Float
    /// nil draws a seed from the node's name, so that runs repeat.
    package var seed: Float?
    /// nil is the input's element type.
    package var target: ElementType?

    package init(isNormal: Bool, first: Float, second: Float, seed: Float? = nil, target: ElementType? = nil) {
        self.isNormal = isNormal
        self.first = first
        self.second = second
        self.seed = seed
        self.target = target
    }

    init(attributes: Attributes, isNormal: Bool) throws {
        let code = try attributes.int("dtype")
        self.init(
            isNormal: isNormal, first: try attributes.float(isNormal ? "mean" : "low", default: 0),
            second: try attributes.float(isNormal ? "scale" : "high", default: 1), seed: try attributes.float("seed"),
            target: code.flatMap { ElementType(rawValue: $0) })
        guard code == nil || target?.isFloatingPoint == true else {
            throw WinnowError(.model, "dtype", "names no floating-point type that is known")
        }
    }

    var attributes: Attributes {
        var attributes: Attributes = [isNormal ? "mean" : "low": .float(first), isNormal ? "scale" : "high": .float(second)]
        if let seed { attributes["seed"] = .float(seed) }
        if let target { attributes["dtype"] = .int(target.rawValue) }
        return attributes
    }

    /// A kernel that fills its output; each run goes on where the last one stopped.
    func kernel(_ request: KernelRequest) throws -> Kernel {
        let output = request.outputs[0]
        return try request.inFloat32 { request in
            try request.checkFloat32(inputs: [])
            let source = RandomSource(seed: seed.map { UInt64($0.bitPattern) } ?? UInt64(RandomMask.seed(for: request.nodeName)))
            let (count, distribution) = (output.shape.elementCount, self)
            return Kernel { operands in source.fill(operands.output(0, as: Float.self), count: count, distribution) }
        }
    }
}

/// A generator that a kernel keeps between runs.
private final class RandomSource {
    private var generator: RandomGenerator

    init(seed: UInt64) { generator = RandomGenerator(seed: seed, stream: 0) }

    func fill(_ target: UnsafeMutablePointer<Float>, count: Int, _ distribution: RandomDistribution) {
        for index in 0..<count {
            target[index] = distribution.isNormal
                ? distribution.first + distribution.second * generator.normal()
                : distribution.first + (distribution.second - distribution.first) * generator.uniform()
        }
    }
}
