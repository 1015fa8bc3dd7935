package import WinnowGraph
import WinnowTensor

/// How much of a quantized model computes with integers, and what is left in float between.
public struct IntegerCoverage: Codable, Sendable, Hashable {
    /// Nodes that multiply data with a weight.
    public var layerCount = 0
    /// Those whose data and weight are both codes.
    public var integerLayerCount = 0
    /// Those whose weight is codes.
    public var codedLayerCount = 0
    /// Nodes that compute on floats, by operator.
    public var floatNodes: [String: Int] = [:]

    /// `54 of 54 layers int8; 55 nodes float: HardSwish 20, Mul 35`
    public var text: String {
        guard integerLayerCount > 0 else { return "\(codedLayerCount) of \(layerCount) layers hold codes and compute in float" }
        let names = floatNodes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { "\($0.key) \($0.value)" }
        let count = floatNodes.values.reduce(0, +)
        let rest = count == 0 ? "no node float" : "\(count) nodes float: \(names.joined(separator: ", "))"
        return "\(integerLayerCount) of \(layerCount) layers int8; \(rest)"
    }
}

extension IntegerCoverage {
    /// nil for a model without codes.
    package init?(_ graph: Graph) { self.init(CoverageCount(graph)) }

    /// nil where no code was counted.
    init?(_ count: CoverageCount) {
        guard count.coverage.codedLayerCount > 0 else { return nil }
        self = count.coverage
    }
}

/// One walk over a graph with Q/DQ pairs or operators on codes.
struct CoverageCount {
    private(set) var coverage = IntegerCoverage()
    /// The layers whose data and weight are both codes.
    private(set) var integerLayers: Set<String> = []
    private let graph: Graph
    private let index: GraphIndex
    private let learned: Parameters
    /// Values of floats that stand for codes: what DequantizeLinear gives, and what only moves that.
    private var coded: Set<ValueName> = []

    init(_ graph: Graph) {
        self.graph = graph
        index = GraphIndex(graph)
        learned = Parameters(graph)
        for node in graph.nodes where !learned.constantNodes.contains(node.name) { visit(node) }
    }

    private mutating func visit(_ node: Node) {
        let data = node.inputs.filter { !$0.isEmpty && learned.origins[$0] == nil }
        if node.convertsCodes {
            if node.op.type.name == "DequantizeLinear" { coded.formUnion(node.outputs) }
            return
        }
        if node.op.quantization == .keepsScale, let source = data.first, coded.contains(source) { coded.formUnion(node.outputs) }
        if let weight = learned.entries(of: node).first(where: { $0.rank >= 2 && $0.input >= 0 }), isLayer(node) {
            let weightIsCode = graph.initializers[weight.tensor].map { isCode($0.elementType) } ?? false
            let dataIsCode = !data.isEmpty && isCode(data[0]) || makesCodes(node, ofDataBeside: weight.input)
            coverage.layerCount += 1
            if weightIsCode { coverage.codedLayerCount += 1 }
            if weightIsCode && dataIsCode {
                coverage.integerLayerCount += 1
                integerLayers.insert(node.name)
                return
            }
            return note(node)
        }
        guard data.contains(where: isFloat), node.outputs.contains(where: isFloat), !isAbsorbed(node, data) else { return }
        note(node)
    }

    private mutating func note(_ node: Node) { coverage.floatNodes[node.op.type.description, default: 0] += 1 }

    /// Whether a node turns its data into codes itself, to multiply them with those of a weight.
    private func makesCodes(_ node: Node, ofDataBeside weight: Int) -> Bool {
        let roles = node.op.inputRoles
        if case .packed? = roles[weight] { return false }
        let hasZeroPoint = roles.values.contains { if case .zeroPoint(weight, _) = $0 { true } else { false } }
        return hasZeroPoint && node.input(0).map(isFloat) ?? false
    }

    private func isLayer(_ node: Node) -> Bool {
        node.op.quantization == .contraction || node.op.inputRoles.values.contains { $0 == .scale }
    }

    private func isFloat(_ value: ValueName) -> Bool { graph.infos[value]?.elementType.isFloatingPoint == true }
    private func isCode(_ type: ElementType) -> Bool { type.isInteger && type.bitWidth <= 8 }
    private func isCode(_ value: ValueName) -> Bool { coded.contains(value) || graph.infos[value].map { isCode($0.elementType) } ?? false }

    /// Whether a node between codes needs no floats: it moves or combines codes that are quantized again, or is an activation that
    /// the quantizer behind a layer takes over.
    private func isAbsorbed(_ node: Node, _ data: [ValueName]) -> Bool {
        if node.op.quantization == .keepsScale, data.allSatisfy({ !isFloat($0) || coded.contains($0) }) { return true }
        guard node.outputs.allSatisfy({ $0.isEmpty || isQuantizedAgain($0) }) else { return false }
        if node.op.quantization == .sharesScale { return data.allSatisfy { !isFloat($0) || coded.contains($0) } }
        guard isLimiter(node), let producer = index.producer(of: data.first) else { return false }
        return producer.op.quantization == .contraction || producer.op.quantization == .sharesScale
    }

    private func isLimiter(_ node: Node) -> Bool {
        if case .between? = node.op.passing(of: node, in: index) { true } else { false }
    }

    private func isQuantizedAgain(_ value: ValueName) -> Bool {
        let readers = index.consumers(of: value)
        return !readers.isEmpty && !index.isOutput(value) && readers.allSatisfy { reader in
            reader.convertsCodes
                || isLimiter(reader) && reader.outputs.allSatisfy(isQuantizedAgain)
        }
    }
}

extension Node {
    /// Whether it computes nothing but codes of floats, or floats of codes.
    package var convertsCodes: Bool { ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"].contains(op.type.name) }
}
