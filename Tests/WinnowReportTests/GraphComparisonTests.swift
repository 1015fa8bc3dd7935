import Testing
import WinnowGraph
import WinnowTensor
@testable import WinnowReport

@Suite struct GraphComparisonTests {
    private typealias Node = (name: String, operatorName: String)

    /// A measurement of nodes in one row, each reading the one before unless `sources` says otherwise.
    private static func measurement(_ nodes: [Node], _ layers: [LayerMeasurement] = [], sources: [String: [String]] = [:]) throws -> ModelMeasurement {
        let builder = GraphBuilder("empty")
        let x = try builder.input("x", .float32, [1])
        var result = ModelMeasurement(try builder.graph(outputs: [x]), model: "m", stage: "s")
        result.layers = layers
        result.nodes = nodes.enumerated().map { place, node in
            let last = place > 0 ? [nodes[place - 1].name] : []
            return NodeMeasurement(name: node.name, operatorName: node.operatorName, sources: sources[node.name] ?? last)
        }
        return result
    }

    private static func layer(
        _ name: String, _ outputs: Int, _ inputs: Int, _ type: String = "float32", zeros: Double = 0, operatorName: String = "Conv"
    ) -> LayerMeasurement {
        LayerMeasurement(
            name: name, operatorName: operatorName, byteCount: 4 * outputs * inputs, outputCount: outputs, inputCount: inputs, weightType: type, sparsity: zeros,
            computesWithIntegers: type == "int8")
    }

    /// Narrower channels, codes, zeros, what is gone and what is new are told where they are.
    @Test func changesAreTold() throws {
        let nodes: [Node] = [("a", "Conv"), ("bn", "BatchNormalization"), ("r", "Relu"), ("b", "Conv"), ("s", "Softmax")]
        let after: [Node] = [("a", "Conv"), ("r", "Relu"), ("b", "Conv"), ("c", "Cast"), ("s", "Softmax")]
        let comparison = try #require(
            try GraphComparison(
                Self.measurement(nodes, [Self.layer("a", 64, 3), Self.layer("b", 10, 64)]),
                Self.measurement(after, [Self.layer("a", 48, 3, zeros: 0.5), Self.layer("b", 10, 48, "int8")])))
        #expect(comparison.rows.map(\.name) == ["a", "bn", "r", "b", "c", "s"])
        #expect(
            comparison.rows.map { $0.changes.map(\.text) } == [
                ["outputs 64 → 48", "50.0 % zero"], ["removed"], [], ["inputs 64 → 48", "float32 → int8", "computes with integers"], ["added"], [],
            ])
        #expect(GraphComparison.summary(of: comparison.rows[1...2]) == "2 nodes: 1 BatchNormalization removed; 1 unchanged")
    }

    /// Layers in front of one that lost inputs are its factors, however many.
    @Test func factorsAreOneRow() throws {
        let comparison = try #require(
            try GraphComparison(
                Self.measurement([("a", "Conv"), ("r", "Relu")], [Self.layer("a", 64, 32)]),
                Self.measurement(
                    [("a.first", "Conv"), ("a.second", "Conv"), ("a", "Conv"), ("r", "Relu")],
                    [Self.layer("a.first", 8, 32), Self.layer("a.second", 12, 8), Self.layer("a", 64, 12)])))
        #expect(comparison.rows.map { $0.changes.map(\.text) } == [["3 factors of rank 8, 12"], []])
        #expect(comparison.rows[0].after.count == 3)
    }

    /// Nodes whose names were taken away are found by the order of operators.
    @Test(arguments: [
        (["Conv", "Relu", "Conv"], ["Conv", "Relu", "Conv"], [[0, 0], [1, 1], [2, 2]]),
        (["Conv", "BatchNormalization", "Relu", "Gemm"], ["Conv", "Relu", "Gemm"], [[0, 0], [1, -1], [2, 1], [3, 2]]),
        (["Relu"], ["Cast", "Relu", "Cast"], [[-1, 0], [0, 1], [-1, 2]]), ([], ["Relu"], [[-1, 0]]), (["Relu"], [], [[0, -1]]),
    ]) func unnamedNodesAreAligned(before: [String], after: [String], pairs: [[Int]]) {
        let alignment = NodeAlignment(before.enumerated().map { ("b\($0)", $1) }, after.enumerated().map { ("a\($0)", $1) })
        #expect(alignment.pairs.map { [$0.before ?? -1, $0.after ?? -1] } == pairs)
    }

    /// Every node of both is listed once, whatever the two have in common.
    @Test func everyNodeIsListedOnce() {
        var random = RandomGenerator(seed: 3)
        for _ in 0..<200 {
            func nodes() -> [Node] {
                let names = (0..<12).filter { _ in random.next() % 3 > 0 }
                return names.map { ("n\(random.next() % 2 == 0 ? $0 : $0 + 20)", ["Conv", "Relu", "Add"][Int(random.next() % 3)]) }
            }
            let (before, after) = (nodes(), nodes())
            let pairs = NodeAlignment(before, after).pairs
            #expect(pairs.compactMap(\.before).sorted() == Array(before.indices) && pairs.compactMap(\.after) == Array(after.indices))
        }
    }

    /// The shorter branch of a block lies beside the main one, and ends where they meet.
    @Test func branchesAreSetIn() throws {
        let nodes: [Node] = [("in", "Conv"), ("a", "Conv"), ("short", "Conv"), ("b", "Conv"), ("add", "Add"), ("out", "Relu")]
        let model = try Self.measurement(nodes, sources: ["short": ["in"], "b": ["a"], "add": ["b", "short"]])
        let comparison = try #require(GraphComparison(model, model))
        #expect(comparison.rows.map(\.lane) == [0, 0, 1, 0, 0, 0])
    }

    /// Long runs of what has not changed by itself are one part; what has stands alone.
    @Test func unchangedRunsFold() throws {
        let nodes: [Node] = (0..<300).map { ("n\($0)", $0 % 100 == 50 ? "Conv" : "Relu") }
        let layers = [50, 150, 250].map { Self.layer("n\($0)", 64, 64) }
        var after = layers
        after[1].outputCount = 32
        after[2].weightType = "int8"
        let comparison = try #require(try GraphComparison(Self.measurement(nodes, layers), Self.measurement(nodes, after)))
        #expect(comparison.parts.map(\.count) == [150, 1, 149])
        #expect(GraphComparison.summary(of: comparison.parts[2]) == "149 nodes: 1 float32 → int8; 148 unchanged")
        #expect(GraphComparison.summary(of: comparison.rows.prefix(3)) == "3 unchanged nodes")
        #expect(comparison.parts.joined().map(\.name) == nodes.map(\.name))
    }
}
