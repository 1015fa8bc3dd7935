import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A float32 graph rewritten to compute in float16, but for the nodes that stay.
///
/// A value's own name is its float32 form, so that inputs, outputs and what bodies capture keep name and type; its float16 form has a
/// fresh one. Casts are made where the other form is read, once a value. A constant has one form, which the other is made from: float32
/// where a node that stays reads it, else float16, so that all readers see the same numbers.
struct HalfGraph {
    private(set) var edit = GraphEdit()
    /// The float16 form of values.
    private(set) var halves: [ValueName: ValueName] = [:]
    /// Nodes that compute in float16, in order.
    private(set) var converted: [Node] = []
    /// Why others do not that could.
    private(set) var reasons: [String: String] = [:]

    private let graph: Graph
    private var names: FreshNames
    private var infos: [ValueName: ValueInfo]
    /// Values whose float32 form exists.
    private var wholes: Set<ValueName>
    /// Constants that nodes that stay read.
    private let exact: Set<ValueName>
    /// Values that float16 does not hold: what reads them goes on in float32.
    private var unfit: Set<ValueName>

    /// - Parameters:
    ///   - stays: nodes that go on in float32.
    ///   - unfit: values that float16 does not hold, beside sums of integers.
    init(_ graph: Graph, stays: Set<String>, unfit: Set<ValueName> = []) throws {
        self.graph = graph
        self.unfit = unfit
        names = FreshNames(graph)
        infos = graph.infos
        wholes = Set(graph.inputNames).union(graph.initializerNames)
        exact = Set(graph.nodes.filter { stays.contains($0.name) && $0.op.bodies.isEmpty }.flatMap(\.inputs)).union(graph.outputs)
        for node in graph.nodes {
            if stays.contains(node.name) || !node.op.bodies.isEmpty { keep(node) } else { try convert(node) }
        }
        for output in graph.outputs { _ = whole(output) }
        widenConstants()
    }

    private func isFloat(_ value: ValueName) -> Bool { graph.infos[value]?.elementType == .float32 }

    private func isKnownTensor(_ value: ValueName) -> Bool { graph.infos[value].map { $0.type.isTensor && !$0.isGuess } ?? false }

    /// Lets a node read float32 as it did; what it makes is there in float32.
    private mutating func keep(_ node: Node) {
        for value in node.readValues { _ = whole(value) }
        wholes.formUnion(node.outputs)
    }

    private mutating func convert(_ node: Node) throws {
        // No Cast takes a list, and what nobody knows the type of may be a text.
        if (node.inputs + node.outputs).contains(where: { isFloat($0) && !isKnownTensor($0) }) { return keep(node) }
        if let value = node.inputs.first(where: { unfit.contains($0) }) {
            reasons[node.name] = "float16 may not hold \(value), which it reads"
            return keep(node)
        }
        var changed = node
        if let cast = node.op as? Cast {
            let source = node.input(0).flatMap { graph.infos[$0]?.elementType }
            guard cast.target == .float32, let source, !source.isFloatingPoint else { return keep(node) }
            // Larger integers, sums of products above all, may be beyond 65504.
            guard source.bitWidth <= 8 else {
                unfit.formUnion(node.outputs)
                reasons[node.name] = "its integers may be beyond 65504, the largest of float16"
                return keep(node)
            }
            changed.op = Cast(to: .float16)
        }
        changed.inputs = node.inputs.enumerated().map { index, value in
            if value.isEmpty || !isFloat(value) { return value }
            return node.op.float32Inputs.contains(index) ? whole(value) : half(value)
        }
        let results = try? changed.op.outputs(for: changed.inputs.map { $0.isEmpty ? nil : infos[$0] })
        let becomesHalf = zip(node.outputs, results ?? []).contains { isFloat($0) && $1.elementType == .float16 }
        guard let results, becomesHalf || changed.inputs == node.inputs else { return keep(node) }
        changed.outputs = zip(node.outputs, results).map { output, result in
            guard !output.isEmpty, isFloat(output), result.elementType == .float16 else {
                wholes.insert(output)
                return output
            }
            let name = names.value("\(output).half")
            halves[output] = name
            infos[name] = ValueInfo(.float16, graph.infos[output]?.extents)
            return name
        }
        guard changed.inputs != node.inputs || changed.outputs != node.outputs else { return }
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(changed)
        converted.append(node)
    }

    /// The float16 form of a float32 value.
    private mutating func half(_ value: ValueName) -> ValueName {
        if let name = halves[value] { return name }
        let name = names.value("\(value).half")
        halves[value] = name
        infos[name] = ValueInfo(.float16, graph.infos[value]?.extents)
        if let tensor = graph.initializers[value], !exact.contains(value) {
            edit.initializers.append((name, tensor.converted(to: .float16).spilled()))
        } else {
            edit.addedNodes.append(Node(name: names.node("\(value).narrow"), op: Cast(to: .float16), inputs: [value], outputs: [name]))
        }
        return name
    }

    /// The float32 form of a value, under its own name.
    private mutating func whole(_ value: ValueName) -> ValueName {
        guard let name = halves[value], wholes.insert(value).inserted else { return value }
        edit.addedNodes.append(Node(name: names.node("\(value).widen"), op: Cast(to: .float32), inputs: [name], outputs: [value]))
        return value
    }

    /// Gives readers in float32 the numbers that those in float16 have.
    private mutating func widenConstants() {
        let kept = graph.nodes.filter { !edit.removedNodes.contains($0.name) }
        let read = Set((kept + edit.addedNodes).flatMap(\.readValues))
        for value in graph.initializerNames where read.contains(value) && !exact.contains(value) {
            guard let half = halves[value] else { continue }
            let wide = names.value("\(value).wide")
            edit.rewired[value] = wide
            for index in edit.addedNodes.indices { edit.addedNodes[index].inputs = edit.addedNodes[index].inputs.map { $0 == value ? wide : $0 } }
            edit.addedNodes.append(Node(name: names.node("\(value).widen"), op: Cast(to: .float32), inputs: [half], outputs: [wide]))
        }
    }

    /// The nodes in float16 that make what a node in float32 reads, up to the nearest layers with weights.
    func nodesAbove(_ name: String, reason: String) -> [String: String] {
        let (index, isConverted) = (GraphIndex(graph), Set(converted.map(\.name)))
        var (found, waiting): ([String: String], [Node]) = ([:], graph.nodes.filter { $0.name == name })
        while let node = waiting.popLast() {
            for value in node.inputs {
                guard let maker = index.producer(of: value), isConverted.contains(maker.name), found[maker.name] == nil else { continue }
                found[maker.name] = reason
                if maker.op.quantization != .contraction { waiting.append(maker) }
            }
        }
        return found
    }

    func apply() throws -> Graph { try graph.applying(edit) }
}
