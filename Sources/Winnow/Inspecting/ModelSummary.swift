import WinnowEngine
public import WinnowGraph
import WinnowOperators
import WinnowPasses
public import WinnowReport
import WinnowTensor
import WinnowTraining

/// What a model consists of, node by node, with totals in the manner of `paddle.summary`.
///
/// Nodes that compute on constants only (a weight's DequantizeLinear, a mask) count with the node that reads their result.
public struct ModelSummary: Codable, Sendable {
    public struct Value: Codable, Sendable {
        public var name: String
        /// `float32[N, 10]`
        public var type: String
        /// `[N, 10]`
        public var shape: String
    }

    public struct Node: Codable, Sendable {
        public var name: String
        public var type: String
        /// What it reads that is no constant.
        public var inputs: [Value]
        public var outputs: [Value]
        /// The initializers it works on.
        public var tensors: [String]
        /// The element type of its first output, or what that is instead.
        public var elementType: String
        public var parameters: Int
        public var parameterByteCount: Int
        /// Multiply–accumulates of one sample; nil where it multiplies nothing, or its axes or their extents are unknown.
        public var multiplyAccumulates: Int?
        /// The part of its parameters that is zero.
        public var sparsity: Double
        /// The codes its operands are stored in, `uint8 × int8`; nil where it computes on floats.
        public var quantization: String?
    }

    /// One initializer and how its elements are distributed.
    public struct Parameter: Codable, Sendable {
        public var name: String
        public var type: String
        public var byteCount: Int
        public var minimum: Double
        public var maximum: Double
        public var mean: Double
        public var standardDeviation: Double
        public var sparsity: Double
        /// The non-zero elements.
        public var histogram: Histogram?
    }

    /// A pruning mask and what it holds at zero.
    public struct Mask: Codable, Sendable {
        public var tensor: String
        public var mask: String
        /// The part that is masked.
        public var sparsity: Double
        /// The methods that made it, in order; passes record none.
        public var methods: [String]
    }

    public var name: String
    public var opsets: [String: Int]
    public var inputs: [Value]
    public var outputs: [Value]
    /// The nodes that were selected.
    public var nodes: [Node]
    /// The initializers of the selected nodes, if they were asked for.
    public var tensors: [Parameter]?
    /// The pruning masks; nil where there are none.
    public var masks: [Mask]?
    /// Of the whole model, as everything below.
    public var nodeCount: Int
    public var parameters: Int
    public var trainableParameters: Int
    public var parameterByteCount: Int
    /// Of one sample; nil where they depend on extents that are open.
    public var multiplyAccumulates: Int?
    public var inputByteCount: Int?
    /// Twice the bytes of all nodes' outputs for one sample: forward and backward pass.
    public var passByteCount: Int?

    /// What to give so that MACs and sizes are known; nil where they are.
    public var missingShapes: String?

    /// Summarizes the nodes whose name, operator or initializers match one of the globs in `selecting`; without globs, all.
    /// Throws `.usage` for a glob that matches nothing, or a shape that does not fit.
    ///
    /// `shapes` are texts as `image=1x3x224x224`, for inputs that leave more open than the batch.
    public init(
        _ graph: Graph, selecting globs: [String] = [], tensors includesTensors: Bool = false, shapes texts: [String] = []
    ) throws {
        let given = try InputShapes(parsing: texts, for: graph)
        let shapes = given.known(for: graph)
        missingShapes = given.request(for: graph)
        name = graph.name
        opsets = graph.metadata.opsets
        inputs = graph.inputs.map { Value($0.name, $0.type, hasDefault: $0.defaultValue != nil) }
        outputs = graph.outputNames.map { Value($0, graph.type(of: $0)) }
        let own = graph.pruningMasks.map { Mask(tensor: $0.tensor, mask: $0.name, sparsity: $0.sparsity, methods: $0.methods) }
        masks = own.isEmpty ? nil : own
        // Weights that a caller may replace are parameters all the same.
        let graph = try graph.takingDefaults()
        let learned = Parameters(graph)
        let (encodings, index) = (Encodings(graph, learned), GraphIndex(graph))
        let counts = graph.multiplyAccumulates(inputShapes: shapes ?? [:])
        let all = graph.nodes.filter { !learned.constantNodes.contains($0.name) }
            .map { Node($0, in: index, encodings, multiplyAccumulates: counts[$0.name] ?? nil) }
        nodes = try all.selected(by: globs)
        nodeCount = all.count
        if includesTensors {
            let wanted = Set(nodes.flatMap(\.tensors))
            tensors = graph.initializerNames.filter { globs.isEmpty || wanted.contains($0) }
                .compactMap { name in graph.initializers[name].map { Parameter(name, $0) } }
        }
        parameters = graph.parameterCount
        let trainable = Set(graph.trainableInitializers())
        trainableParameters = learned.entries.reduce(0) { $0 + (trainable.contains($1.tensor) && !$1.isStatistic ? $1.elementCount : 0) }
        parameterByteCount = graph.initializerByteCount
        multiplyAccumulates = counts.total
        let sizes = shapes.map { graph.byteCounts(inputShapes: $0) }
        inputByteCount = sizes.map { sizes in graph.inputs.reduce(0) { $0 + (sizes[$1.name] ?? 0) } }
        passByteCount = sizes.map { sizes in 2 * all.flatMap(\.outputs).reduce(0) { $0 + (sizes[$1.name] ?? 0) } }
    }
}

extension ModelSummary.Value {
    init(_ name: String, _ type: ValueType?, hasDefault: Bool = false) {
        self.name = name
        self.type = (type?.description ?? "unknown") + (hasDefault ? " = default" : "")
        shape = "[\(type?.extents.map { $0.map(\.description).joined(separator: ", ") } ?? "…")]"
    }
}

extension ModelSummary.Parameter {
    init(_ name: String, _ tensor: Tensor) {
        let values = tensor.doubles()
        let count = Double(max(1, values.count))
        let mean = values.reduce(0, +) / count
        self.name = name
        type = ValueType(tensor.elementType, tensor.shape).description
        byteCount = tensor.byteCount
        minimum = values.min() ?? 0
        maximum = values.max() ?? 0
        self.mean = mean
        standardDeviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        sparsity = Double(tensor.zeroCount) / count
        histogram = Histogram(of: tensor, binCount: 24)
    }
}

extension ModelSummary.Node {
    fileprivate init(
        _ node: WinnowGraph.Node, in index: GraphIndex, _ encodings: Encodings, multiplyAccumulates: Int?
    ) {
        let (graph, learned) = (index.graph, encodings.parameters)
        name = node.name
        type = node.op.type.description
        inputs = node.inputs.filter { !$0.isEmpty && learned.origins[$0] == nil }
            .map { .init($0, graph.type(of: $0)) }
        outputs = node.outputs.filter { !$0.isEmpty }.map { .init($0, graph.type(of: $0)) }
        elementType = node.output(0).flatMap { graph.type(of: $0) }.map { $0.foreign?.description ?? "\($0.elementType)" } ?? "unknown"
        var seen: Set<String> = []
        tensors = node.inputs.flatMap { learned.origins[$0] ?? [] }.filter { seen.insert($0).inserted }
        let entries = learned.entries(of: node)
        let bodies = Array(node.op.bodies.values)
        parameters = entries.reduce(bodies.reduce(0) { $0 + $1.parameterCount }) { $0 + $1.elementCount }
        parameterByteCount = tensors.reduce(bodies.reduce(0) { $0 + $1.initializerByteCount }) { sum, name in
            sum + (graph.initializers[name]?.byteCount ?? 0)
        }
        self.multiplyAccumulates = multiplyAccumulates
        let zeroCount = entries.reduce(bodies.reduce(0) { $0 + $1.weightSparsity.zeroCount }) { $0 + graph.zeroCount(of: $1, in: index) }
        sparsity = parameters == 0 ? 0 : Double(zeroCount) / Double(parameters)
        quantization = encodings.quantization(of: node)
    }
}

extension [ModelSummary.Node] {
    fileprivate func selected(by globs: [String]) throws -> [ModelSummary.Node] {
        guard !globs.isEmpty else { return self }
        func matches(_ glob: String, _ node: ModelSummary.Node) -> Bool {
            ([node.name, node.type] + node.tensors).contains { Selection.matches(glob, $0) }
        }
        for glob in globs where !contains(where: { matches(glob, $0) }) {
            throw WinnowError(
                .usage, glob, "matches no node, operator or tensor",
                remedy: Spelling.nearest(to: glob, in: flatMap { [$0.name, $0.type] }).map { "did you mean \($0)?" } ?? "")
        }
        return filter { node in globs.contains { matches($0, node) } }
    }
}

/// Which codes operands are stored in.
private struct Encodings {
    let parameters: Parameters
    private let index: GraphIndex

    init(_ graph: Graph, _ parameters: Parameters) {
        self.parameters = parameters
        index = GraphIndex(graph)
    }

    /// The element types its first two operands are stored in, where one of them is in codes.
    func quantization(of node: Node) -> String? {
        guard !node.convertsCodes else { return nil }
        let operands = node.inputs.prefix(2).filter { !$0.isEmpty }
        let own = operands.compactMap { index.info(of: $0)?.elementType }
        let stored = operands.compactMap(storedType)
        let isInteger = own.count == 2 && own.allSatisfy { $0.bitWidth <= 8 && $0.isInteger }
        guard stored != own || isInteger else { return nil }
        return stored.map(\.description).joined(separator: " × ")
    }

    private func storedType(of value: String) -> ElementType? {
        if let sources = parameters.origins[value] {
            return sources.compactMap { index.constant($0) }.max { $0.elementCount < $1.elementCount }?.elementType
        }
        guard let producer = index.producer(of: value), producer.op is DequantizeLinear else {
            return index.info(of: value)?.elementType
        }
        return index.info(of: producer.input(0))?.elementType
    }
}

extension Graph {
    /// The bytes of all initializers, those of bodies included.
    fileprivate var initializerByteCount: Int {
        nodes.flatMap { $0.op.bodies.values }.reduce(initializers.values.reduce(0) { $0 + $1.byteCount }) { $0 + $1.initializerByteCount }
    }

    /// The bytes of every value for inputs of these shapes, where its shape is known.
    fileprivate func byteCounts(inputShapes shapes: [String: Shape]) -> [String: Int] {
        guard let infos = try? inferInfos(inputShapes: shapes) else { return [:] }
        return infos.compactMapValues { info in
            info.shape.map { info.elementType.byteCount(of: $0.elementCount) }
        }
    }
}
