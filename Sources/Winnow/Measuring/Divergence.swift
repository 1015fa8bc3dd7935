import WinnowEngine
import WinnowGraph
import WinnowReport
import WinnowTensor

/// How far the values inside two models are apart: values of the same name and shape, in the order they are computed.
public struct Divergence: Codable, Sendable {
    public struct Value: Codable, Sendable {
        public var node: String
        public var type: String
        public var name: String
        public var deviation: Deviation
    }

    public var values: [Value]
    public var tolerance: Double
    /// The first node whose output differs by more than the tolerance, relative to its size.
    public var firstNode: String?

    /// Runs both graphs unfused, so that every value can be seen.
    init(_ a: Graph, _ b: Graph, on inputs: [String: Tensor], tolerance: Double) throws {
        let candidates = Self.sharedValues(a, b)
        let first = try a.values(named: candidates.map(\.name), on: inputs)
        let second = try b.values(named: candidates.map(\.name), on: inputs.renamed(from: a, to: b))
        values = candidates.compactMap { node, name in
            guard let x = first[name], let y = second[name], x.shape == y.shape else { return nil }
            return Value(
                node: node.name, type: node.op.type.description, name: name,
                deviation: Deviation(of: y.doubles(), from: x.doubles()))
        }
        self.tolerance = tolerance
        firstNode = values.first { $0.deviation.relativeError > tolerance }?.node
    }

    private static func sharedValues(_ a: Graph, _ b: Graph) -> [(node: Node, name: String)] {
        let computed = Set(b.nodes.flatMap(\.outputs))
        return a.nodes.flatMap { node in
            node.outputs.filter { name in
                guard !name.isEmpty, computed.contains(name), let x = a.type(of: name), let y = b.type(of: name) else { return false }
                return x.elementType.isFloatingPoint && y.elementType.isFloatingPoint
            }.map { (node, $0) }
        }
    }

    /// The values as a table that marks where the models part.
    public var text: String {
        guard !values.isEmpty else { return "no value has the same name and shape in both models" }
        let rows = values.map { value in
            [
                value.node, value.type, Format.number(value.deviation.cosine, 6), value.deviation.noiseText,
                Format.number(value.deviation.maximumDifference, 6), value.node == firstNode ? "← parts here" : "",
            ]
        }
        let table = TextTable(header: ["node", "operator", "cosine", "signal to noise", "largest difference", ""], rows: rows)
        let verdict =
            firstNode.map { "the models part at node \($0)" } ?? "the models do not part"
        return (table.lines + ["\(verdict) (relative error over \(tolerance))"]).joined(separator: "\n")
    }
}

extension Graph {
    /// These values beside the outputs, for one run without fusions.
    fileprivate func values(named names: [String], on inputs: [String: Tensor]) throws -> [String: Tensor] {
        var edit = GraphEdit()
        edit.outputs = outputs + names.filter { !outputs.contains($0) }
        return try Session(applying(edit), options: SessionOptions(lowers: false)).run(inputs)
    }
}
