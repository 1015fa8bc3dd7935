public import WinnowEngine
package import WinnowGraph
package import WinnowTensor

/// What one model costs and what it achieves.
public struct ModelMeasurement: Codable, Sendable {
    /// The network: `lenet-5`.
    public var model: String
    /// Its state on the way: `baseline`, `pruned`, `compressed`.
    public var stage: String
    public var file: String?
    /// Bytes on disk of the file a user ships, and of its zip.
    public var byteCount: Int?
    public var zippedByteCount: Int?
    /// The part of the weights (parameters of two axes and above) that is zero: masked, at the zero point of codes, or looked up
    /// as 0 in a palette.
    public var sparsity: Double
    /// The numbers the model has learned; masks, scales, zero points, shapes and ratios are none.
    public var parameters: Int
    /// Multiply–accumulates of one sample; nil where they depend on extents that are open.
    public var multiplyAccumulates: Int?
    /// nil where there are no labels, or none that fit an output of scores (N, classes).
    public var top1: Double?
    public var validationTop1: Double?
    /// How well the outputs agree with the original's, where there is no top-1.
    public var metrics: [MetricResult]?
    /// What models between steps are judged by on validation data where that is not top-1, also of the one before the first step.
    public var validationMetrics: [MetricResult]?
    /// The samples behind `top1` or `metrics`.
    public var sampleCount: Int?
    /// On one thread.
    public var latency: Latency?
    /// On all threads that were allowed, `threadCount`.
    public var latencyOnAllThreads: Latency?
    public var threadCount: Int?
    /// Against the original, measured in turns, on one thread and on all.
    public var speedup: Speedup?
    public var speedupOnAllThreads: Speedup?
    /// How much of a quantized model computes with integers; nil for a model without codes.
    public var coverage: IntegerCoverage?
    /// What could not be measured, and why.
    public var notes: [String]?
    public var tensors: [TensorMeasurement]
    /// Nodes with weights; nil in reports of former versions.
    public var layers: [LayerMeasurement]?
    /// How many nodes there are of each operator; nil in reports of former versions.
    public var operators: [String: Int]?
    /// What nodes without weights take together, measured as layers are; nil where those were not timed.
    public var otherMilliseconds: Double?
    /// The nodes that compute on data; nil in reports of former versions.
    public var nodes: [NodeMeasurement]?
}

/// One initializer of a model.
public struct TensorMeasurement: Codable, Sendable {
    public var name: String
    public var elementType: String
    public var shape: [Int]
    public var byteCount: Int
    public var sparsity: Double
    public var histogram: Histogram?
}

/// How many values fall into each of equal bins between two bounds.
public struct Histogram: Codable, Sendable {
    public var low: Double
    public var high: Double
    public var counts: [Int]

    /// A histogram of the non-zero values: the zeros of a pruned tensor would hide the rest.
    package init?(of tensor: Tensor, binCount: Int = 48) {
        let (low, high) = tensor.countedRange
        guard low <= high else { return nil }
        var counts = [Int](repeating: 0, count: binCount)
        let scale = high > low ? Double(binCount) / (high - low) : 0
        counts.withUnsafeMutableBufferPointer { counts in
            tensor.forEachCounted { counts[min(binCount - 1, Int(saturating: ($0 - low) * scale))] += 1 }
        }
        self.low = low
        self.high = high
        self.counts = counts
    }
}

extension ModelMeasurement {
    /// Measures what the graph alone tells, with multiply–accumulates for `shapes` of one sample; accuracy, bytes and latency
    /// are filled in by who has data, file and time.
    package init(
        _ graph: Graph, model: String, stage: String, shapes: InputShapes = InputShapes(), histograms: Bool = true
    ) {
        // Weights that a caller may replace are weights.
        let graph = (try? graph.takingDefaults()) ?? graph
        self.model = model
        self.stage = stage
        let (zeroCount, elementCount) = graph.weightSparsity
        sparsity = elementCount == 0 ? 0 : Double(zeroCount) / Double(elementCount)
        parameters = graph.parameterCount
        let products = graph.multiplyAccumulates(inputShapes: shapes.known(for: graph) ?? [:])
        multiplyAccumulates = products.total
        let counted = CoverageCount(graph)
        coverage = IntegerCoverage(counted)
        let (learned, index) = (Parameters(graph), GraphIndex(graph))
        let entries = Dictionary(learned.entries.map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        tensors = graph.initializerNames.compactMap { name in
            guard let tensor = graph.initializers[name] else { return nil }
            let entry = entries[name]
            let (zeroCount, count) = entry.map { (graph.zeroCount(of: $0, in: index), $0.elementCount) } ?? (tensor.zeroCount, tensor.elementCount)
            return TensorMeasurement(
                name: name, elementType: tensor.elementType.description, shape: tensor.shape.extents,
                byteCount: tensor.byteCount, sparsity: count == 0 ? 0 : Double(zeroCount) / Double(count),
                histogram: histograms && entry.map { $0.rank >= 2 } ?? false ? Histogram(of: tensor) : nil)
        }
        layers = LayerMeasurement.all(of: index, learned, products: products, tensors: tensors, integerLayers: counted.integerLayers)
        nodes = NodeMeasurement.all(of: index, learned)
        operators = Dictionary(graph.nodes.map { ($0.op.type.name, 1) }, uniquingKeysWith: +)
    }

    package mutating func note(_ text: String) { if notes?.contains(text) != true { notes = (notes ?? []) + [text] } }

    /// The standard deviation of `top1` that the number of samples alone causes: √(p(1−p)/n).
    public var top1Deviation: Double? {
        guard let top1, let sampleCount, sampleCount > 0 else { return nil }
        return Self.deviation(ofAccuracy: top1, sampleCount)
    }

    private static func deviation(ofAccuracy part: Double, _ sampleCount: Int) -> Double { (part * (1 - part) / Double(sampleCount)).squareRoot() }

    /// `σ of one accuracy is 0.29 % (10,000 samples)`
    package static func deviationText(ofAccuracy part: Double, _ sampleCount: Int) -> String {
        "σ of one accuracy is \(Format.percent(deviation(ofAccuracy: part, sampleCount))) (\(Format.count(sampleCount)) \(sampleCount == 1 ? "sample" : "samples"))"
    }
}

extension Tensor {
    /// The smallest and largest number but zeros; (∞, −∞) where there is none.
    fileprivate var countedRange: (low: Double, high: Double) {
        var (low, high) = (Double.infinity, -Double.infinity)
        guard elementType == .float32 else {
            forEachCounted { (low, high) = ($0 < low ? $0 : low, $0 > high ? $0 : high) }
            return (low, high)
        }
        var (lows, highs) = (SIMD16<Float>(repeating: .infinity), SIMD16<Float>(repeating: -.infinity))
        withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: bytes.count / 64 * 64, by: 64) {
                let values = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
                // NaN and infinities are those from which they themselves do not subtract to 0.
                let isCounted = (values .!= 0) .& ((values - values) .== 0)
                lows.replace(with: values, where: isCounted .& (values .< lows))
                highs.replace(with: values, where: isCounted .& (values .> highs))
            }
            for value in bytes[(bytes.count / 64 * 64)...].withMemoryRebound(to: Float.self, { Array($0) }) where value != 0 && value.isFinite {
                (lows[0], highs[0]) = (min(lows[0], value), max(highs[0], value))
            }
        }
        return (Double(lows.min()), Double(highs.max()))
    }

    /// Calls `body` with every number but zeros.
    @inline(__always)
    fileprivate func forEachCounted(_ body: (Double) -> Void) {
        if elementType == .float32 {
            withElements(Float.self) { for value in $0 where value != 0 && value.isFinite { body(Double(value)) } }
        } else {
            for piece in pieces { for value in doubles(in: piece) where value != 0 && value.isFinite { body(value) } }
        }
    }
}
