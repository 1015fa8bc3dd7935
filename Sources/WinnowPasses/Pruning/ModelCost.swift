import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What a whole model costs.
public enum ModelCost: String, HyperparameterChoice, Codable {
    case parameters
    /// Multiply–accumulates of one sample, of all layers where they are known.
    case macs
    /// Of the file that it would be written as.
    case bytes
    /// Milliseconds of one sample on this machine and the threads in use.
    case latency

    var quantity: Quantity {
        switch self {
        case .parameters: .parameters
        case .macs: Quantity("MACs")
        case .bytes: Quantity("bytes of the file", unit: "bytes")
        case .latency: Quantity("latency", unit: "ms")
        }
    }

    /// Whether it is told of a graph and a sample, not of the graph alone.
    var needsSample: Bool { self == .macs || self == .latency }

    private static let latencySeconds = 0.3

    func value(of graph: Graph, on sample: [ValueName: Tensor], in context: PassContext = PassContext()) throws -> Double {
        switch self {
        case .parameters: return Double(graph.parameterCount)
        case .bytes: return Double(try context.fileByteCount?(graph) ?? graph.storedByteCount)
        case .latency:
            let plan = try Self.plan(graph, sample)
            return try Latency.measure(batchSize: 1, seconds: Self.latencySeconds) { try plan.execute() }.medianMilliseconds
        case .macs:
            return Double(graph.multiplyAccumulates(inputShapes: sample.mapValues(\.shape)).values.reduce(0) { $0 + ($1 ?? 0) })
        }
    }

    /// The part of what `original` costs that `graph` costs; latencies are measured in turns.
    func share(
        of graph: Graph, in original: Graph, on sample: [ValueName: Tensor], in context: PassContext = PassContext()
    ) throws -> Double {
        guard self == .latency else {
            let all = try value(of: original, on: sample, in: context)
            return all > 0 ? try value(of: graph, on: sample, in: context) / all : 1
        }
        let turns = try LatencyTurns(count: 2, seconds: Self.latencySeconds) { place in
            let plan = try Self.plan(place == 0 ? original : graph, sample)
            return { try plan.execute() }
        }
        return 1 / turns.speedup(of: 1, over: 0).ratio
    }

    private static func plan(_ graph: Graph, _ sample: [ValueName: Tensor]) throws -> Plan {
        let plan = try Session(graph).plan(for: sample.mapValues(\.shape))
        for (name, tensor) in sample { try plan.setInput(name, tensor) }
        return plan
    }
}

extension PassContext {
    /// One sample for `graph`: of the data, else zeros of the model's own shapes. Throws `.usage` where an extent is open.
    func sample(for graph: Graph) throws -> [ValueName: Tensor] {
        if let data = calibration ?? training ?? validation, data.count > 0 {
            return try data.adapted(to: graph).batch(at: [Int](repeating: 0, count: graph.fixedBatchSize ?? 1))
        }
        let shapes = try InputShapes().completed(for: graph, batchSize: graph.fixedBatchSize ?? 1)
        let types = Dictionary(graph.inputs.map { ($0.name, $0.type.elementType) }, uniquingKeysWith: { first, _ in first })
        return Dictionary(
            uniqueKeysWithValues: shapes.map { name, shape in
                (name, Tensor([Double](repeating: 0, count: shape.elementCount), shape: shape, as: types[name] ?? .float32))
            })
    }
}

extension Graph {
    /// The bytes of all initializers, those of bodies included.
    var storedByteCount: Int {
        initializers.values.reduce(0) { $0 + $1.byteCount }
            + nodes.flatMap { $0.op.bodies.values }.reduce(0) { $0 + $1.storedByteCount }
    }
}
