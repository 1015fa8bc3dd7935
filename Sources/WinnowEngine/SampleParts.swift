import WinnowGraph
import WinnowTensor

/// How many samples are taken through a whole graph at a time, so that what one operator writes is still in the processor's cache where
/// the next reads it.
struct SampleParts {
    /// The bytes of operands that stay in a cache from one operator to the next.
    private static let cacheByteCount = 8 << 20
    /// What is gained by fewer samples at a time must be worth reading the constants more often.
    private static let worthwhile = 0.75

    /// The bytes that one sample makes each node read and write.
    private let byteCounts: [Double]
    private let constantByteCount: Double

    /// For a graph as plans execute it, taking inputs of these types with so many samples.
    init(of graph: Graph, inputTypes: [ValueName: ValueType], sampleCount: Int) throws {
        let infos = try graph.inferInfos(inputTypes: inputTypes)
        byteCounts = graph.nodes.map { node in
            let read = node.inputs.filter { graph.initializers[$0] == nil }
            return (read + node.outputs).reduce(0) { $0 + Double(infos[$1]?.byteCount ?? 0) } / Double(sampleCount)
        }
        constantByteCount = graph.initializers.values.reduce(0) { $0 + Double($1.byteCount) }
    }

    /// The samples to take at a time: `sampleCount`, or a divisor of it that is no less than `least`.
    func size(of sampleCount: Int, least: Int) -> Int {
        let sizes = (max(least, 1)..<max(sampleCount, 2)).filter { sampleCount % $0 == 0 }
        let whole = traffic(sampleCount)
        let best = sizes.map { (traffic: traffic($0), size: $0) }.min { $0.traffic < $1.traffic }
        guard let best, best.traffic <= Self.worthwhile * whole else { return sampleCount }
        return best.size
    }

    /// The bytes that go through memory for a sample, where so many are taken at a time; constants that stay in the cache count less.
    private func traffic(_ size: Int) -> Double {
        let constants = constantByteCount / Double(size) * (constantByteCount > Double(Self.cacheByteCount) ? 1 : 0.25)
        return byteCounts.reduce(constants) { $0 + ($1 * Double(size) > Double(Self.cacheByteCount) ? $1 : 0) }
    }
}

extension ValueInfo {
    fileprivate var byteCount: Int { shape.map { elementType.byteCount(of: $0.elementCount) } ?? 0 }
}
