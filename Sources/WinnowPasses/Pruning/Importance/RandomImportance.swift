package import WinnowGraph
import WinnowTensor

/// A random number from 0 to 1 for each weight, by the seed and the tensor's name: what every other importance must beat.
package struct RandomImportance: ElementImportance {
    package static let name = "random"

    private var seed: UInt64 = 0

    package init() {}

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        seed = context.seed
    }

    package func scores(of weight: MaskedWeight) -> [Float]? {
        var random = RandomGenerator(seed: seed, named: weight.tensor)
        return (0..<weight.count).map { _ in random.uniform() }
    }
}

extension RandomGenerator {
    /// A generator that gives the same numbers for the same seed and name.
    package init(seed: UInt64, named name: String) {
        var hash = ContentHash()
        Array(name.utf8).withUnsafeBytes { hash.add($0) }
        self.init(seed: seed, stream: hash.value)
    }
}
