public import WinnowGraph
import WinnowReport
import WinnowTensor

/// What differs between two graphs, found by name.
public struct ModelDifference: Codable, Sendable {
    public struct Change: Codable, Sendable, Hashable {
        /// `opset`, `input`, `output`, `tensor` or `node`.
        public var part: String
        public var name: String
        /// As the first graph has it; nil: it has none.
        public var before: String?
        /// As the second graph has it; nil: it has none.
        public var after: String?
    }

    public var changes: [Change] = []

    public init(_ a: Graph, _ b: Graph) {
        compare("opset", a.metadata.opsets.pairs { "\($0)" }, b.metadata.opsets.pairs { "\($0)" })
        compare("input", a.typedInputs, b.typedInputs)
        compare("output", a.typedOutputs, b.typedOutputs)
        compare("tensor", a.typedInitializers, b.typedInitializers)
        let others = b.tensors
        for (name, before) in a.namedTensors {
            guard let after = others[name], before.shape == after.shape, before.elementType == after.elementType, before != after
            else { continue }
            changes.append(
                Change(part: "tensor", name: name, before: before.zeroText, after: "\(after.zeroText), \(before.distance(to: after))"))
        }
        compare("node", a.nodes.map { ($0.name, a.line(of: $0)) }, b.nodes.map { ($0.name, b.line(of: $0)) })
    }

    private mutating func compare(_ part: String, _ a: [(String, String)], _ b: [(String, String)]) {
        let before = Dictionary(a, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(b, uniquingKeysWith: { first, _ in first })
        for (name, text) in a where after[name] != text {
            changes.append(Change(part: part, name: name, before: text, after: after[name]))
        }
        for (name, text) in b where before[name] == nil {
            changes.append(Change(part: part, name: name, before: nil, after: text))
        }
    }

    /// Lines led by `-` for the first graph and `+` for the second, then how much differs.
    public var text: String {
        guard !changes.isEmpty else { return "the graphs are equal" }
        let lines = changes.flatMap { change in
            [change.before.map { "- \(change.part) \(change.name): \($0)" }, change.after.map { "+ \(change.part) \(change.name): \($0)" }]
                .compactMap { $0 }
        }
        let parts = ["opset", "input", "output", "tensor", "node"].compactMap { part -> String? in
            let own = changes.filter { $0.part == part }
            let counts = [
                ("added", own.count { $0.before == nil }), ("removed", own.count { $0.after == nil }),
                ("changed", own.count { $0.before != nil && $0.after != nil }),
            ].filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
            return counts.isEmpty ? nil : "\(part)s: \(counts.joined(separator: ", "))"
        }
        return (lines + [parts.joined(separator: "; ")]).joined(separator: "\n")
    }
}

extension Dictionary where Key == String {
    fileprivate func pairs(_ text: (Value) -> String) -> [(String, String)] {
        sorted { $0.key < $1.key }.map { ($0.key.isEmpty ? "ai.onnx" : $0.key, text($0.value)) }
    }
}

extension Graph {
    fileprivate var typedOutputs: [(String, String)] {
        outputNames.map { ($0, type(of: $0)?.description ?? "unknown") }
    }

    fileprivate var typedInputs: [(String, String)] {
        inputs.map { ($0.name, "\($0.type)\($0.defaultValue == nil ? "" : " = default")") }
    }

    /// Constants and the default values of inputs.
    fileprivate var namedTensors: [(name: String, tensor: Tensor)] {
        namedInitializers + inputs.compactMap { input in input.defaultValue.map { (input.name, $0) } }
    }

    fileprivate var tensors: [String: Tensor] {
        Dictionary(namedTensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    }

    fileprivate var typedInitializers: [(String, String)] {
        initializerNames.compactMap { name in
            initializers[name].map { (name, ValueType($0.elementType, $0.shape).description) }
        }
    }
}

extension Tensor {
    fileprivate var zeroText: String {
        "\(Format.percent(elementCount == 0 ? 0 : Double(zeroCount) / Double(elementCount), 1)) zero"
    }

    fileprivate func distance(to other: Tensor) -> String {
        let deviation = Deviation(of: other.doubles(), from: doubles())
        return "relative difference \(Format.number(deviation.relativeError, 4)), largest \(Format.number(deviation.maximumDifference, 4))"
    }
}
