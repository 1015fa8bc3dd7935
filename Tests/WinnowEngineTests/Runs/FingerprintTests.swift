import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite struct FingerprintTests {
    private struct Parts {
        var weight: Float = 1
        var body: Float = 1
        var word = "w"
        var data: [Dataset?] = []
        var settings = "s"
        var seed: UInt64 = 0
        var version = "1"

        func fingerprint() throws -> Fingerprint {
            try Fingerprint(models: [model()], data: data, settings: settings, seed: seed, version: version)
        }

        /// An If whose bodies hold constants, after a product with a weight.
        private func model() throws -> Graph {
            let b = GraphBuilder("model")
            let (condition, x) = (try b.input("condition", .bool, []), try b.input("x", .float32, ["N", 1]))
            let branch = try Graph(
                name: "branch", inputs: [], outputs: ["y"],
                nodes: [Node(name: "n", op: Add(), inputs: ["x", "c"], outputs: ["y"])],
                initializers: [("c", Tensor([body], shape: [1, 1]))], captures: ["x": ValueType(.float32, ["N", 1])])
            let chosen = try b.add(If(then: branch, else: branch), condition)
            let y = try b.add(Add(), b.add(Mul(), x, b.constant("w", Tensor([weight], shape: [1, 1]))), chosen)
            var graph = try b.graph(outputs: [y])
            graph.metadata.properties = ["word": word, "other": "1", "third": "2"]
            return graph
        }
    }

    private func data(_ values: [Float], labels: [Int]? = nil, scale: Float = 1) throws -> Dataset {
        try Dataset([.init(name: "x", Tensor(values, shape: [values.count, 1]), scale: scale)], labels: labels)
    }

    @Test func everythingThatWorkDependsOnTells() throws {
        let (a, b) = (try data([1, 2]), try data([3, 4]))
        let parts = [
            Parts(), Parts(weight: 2), Parts(body: 2), Parts(word: "v"), Parts(settings: "t"), Parts(seed: 1), Parts(version: "2"),
            Parts(data: [a, nil]), Parts(data: [nil, a]), Parts(data: [a, b]), Parts(data: [b, a]),
            Parts(data: [try data([1, 2], labels: [0, 1]), nil]), Parts(data: [try data([1, 2], labels: [1, 0]), nil]),
            Parts(data: [try data([2, 1]), nil]), Parts(data: [try data([1, 2], scale: 2), nil]),
        ]
        let fingerprints = try parts.map { try $0.fingerprint() }
        #expect(Set(fingerprints).count == parts.count)
        #expect(try fingerprints == parts.map { try $0.fingerprint() })
    }
}
