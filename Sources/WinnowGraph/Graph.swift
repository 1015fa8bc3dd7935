public import WinnowTensor

/// A typed dataflow graph: nodes in topological order, named values, initializers. Always valid: every change goes through
/// `applying(_:)`, which verifies the result.
public struct Graph: Sendable {
    public var name: String
    public var metadata = GraphMetadata()
    /// What the caller supplies, in order.
    public internal(set) var inputs: [GraphInput]
    /// The values the graph gives back, in order.
    package internal(set) var outputs: [ValueName]
    package internal(set) var nodes: [Node]
    /// Constant values by name; `initializerNames` has their order in the file.
    package internal(set) var initializers: [ValueName: Tensor]
    package internal(set) var initializerNames: [ValueName]
    /// While training: initializers that take the value on the right after every step (running statistics, counters).
    package internal(set) var updates: [ValueName: ValueName]
    /// The body of a control-flow node: values of the surrounding graph that it, or a body inside it, reads.
    package internal(set) var captures: [ValueName: ValueType]
    /// What is known of every value.
    package internal(set) var infos: [ValueName: ValueInfo]
    /// Where each node stands, by name.
    var nodePlaces: [String: Int] = [:]

    /// A verified graph. Nodes may come in any order.
    package init(
        name: String, inputs: [GraphInput], outputs: [ValueName], nodes: [Node],
        initializers: [(name: ValueName, tensor: Tensor)] = [], updates: [ValueName: ValueName] = [:],
        captures: [ValueName: ValueType] = [:], metadata: GraphMetadata = GraphMetadata()
    ) throws {
        self.name = name
        self.metadata = metadata
        self.inputs = inputs
        self.outputs = outputs
        self.nodes = nodes
        self.initializers = Dictionary(initializers.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        var seen: Set<ValueName> = []
        initializerNames = initializers.map(\.name).filter { seen.insert($0).inserted }
        self.updates = updates
        self.captures = captures
        infos = [:]
        try verify()
    }

    public var inputNames: [String] { inputs.map(\.name) }
    public var outputNames: [String] { outputs }

    /// The type of a value, or nil if the graph has no such value or nothing is known of it.
    public func type(of value: String) -> ValueType? {
        guard var type = infos[value]?.type else { return nil }
        type.extents = type.extents?.map { $0.isNameless ? .unknown : $0 }
        return type
    }

    /// The numbers the model has learned; masks, scales, zero points, shapes, limits and ratios are none.
    public var parameterCount: Int { Parameters(self).count }

    package func node(named name: String) -> Node? { nodePlaces[name].map { nodes[$0] } }
}

/// A value the caller supplies.
public struct GraphInput: Sendable, Hashable {
    public var name: String
    public var type: ValueType
    /// What it holds where the caller supplies nothing; nil: the caller must.
    public var defaultValue: Tensor?

    public init(_ name: String, _ type: ValueType, defaultValue: Tensor? = nil) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(type)
    }
}

/// What an ONNX file says about itself beyond the graph; kept from reading to writing.
public struct GraphMetadata: Sendable, Hashable {
    public var irVersion = 8
    /// Operator-set versions by domain.
    public var opsets: [String: Int] = ["": 17]
    public var producerName = "winnow"
    public var producerVersion = ""
    public var domain = ""
    public var modelVersion = 0
    public var documentation = ""
    public var properties: [String: String] = [:]
    /// The types that the file declares for its outputs; written again where they cannot be inferred.
    package var outputTypes: [String: ValueType] = [:]
    /// Values inside the graph whose types the file declares; they are declared again.
    package var declaredValues: Set<ValueName> = []
    package var graphNotes = Notes()
    package var valueNotes: [ValueName: ValueNotes] = [:]

    public init() {}

    /// The version of the operator set that an operator's domain is used at.
    package func version(of domain: String) -> Int { opsets[domain] ?? (domain == "" ? opsets["ai.onnx"] ?? 1 : 1) }
}
