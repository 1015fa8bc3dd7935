import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Inputs that hold something where the caller supplies nothing.
@Suite struct DefaultValues {
    /// y = x · factor, and x in the shape that `shape` says.
    private func graph() throws -> Graph {
        try Graph(
            name: "defaults", inputs: [
                GraphInput("x", ValueType(.float32, ["N", 2])),
                GraphInput("factor", ValueType(.float32, nil), defaultValue: Tensor(scalar: Float(3))),
                GraphInput("shape", ValueType(.int64, [2]), defaultValue: Tensor([-1, 1] as [Int64])),
            ], outputs: ["y", "z"],
            nodes: [
                Node(name: "mul", op: Mul(), inputs: ["x", "factor"], outputs: ["y"]),
                Node(name: "reshape", op: Reshape(), inputs: ["x", "shape"], outputs: ["z"]),
            ])
    }

    @Test func holdWhereNothingIsSupplied() throws {
        let session = try Session(graph())
        let x = Tensor([1, 2] as [Float], shape: [1, 2])
        for _ in 0..<2 {
            let plain = try session.run(["x": x])
            #expect(plain["y"]?.floats() == [3, 6] && plain["z"]?.shape == [2, 1])
            let other = try session.run(["x": x, "factor": Tensor(scalar: Float(5)), "shape": Tensor([2, 1, 1] as [Int64]).reshaped([3])].filter { $0.key != "shape" })
            #expect(other["y"]?.floats() == [5, 10] && other["z"]?.shape == [2, 1])
            let wide = try session.run(["x": x, "factor": Tensor([4, 5] as [Float])])
            #expect(wide["y"]?.floats() == [4, 10])
            let flat = try session.run(["x": x, "shape": Tensor([1, 2] as [Int64])])
            #expect(flat["y"]?.floats() == [3, 6] && flat["z"]?.shape == [1, 2])
        }
    }

    @Test func areNoConstants() throws {
        let graph = try graph()
        #expect(graph.infos["factor"]?.constant == nil && graph.infos["z"]?.shape == nil)
        #expect(graph.requiredInputs.map(\.name) == ["x"])
        let data = try Dataset([.init(Tensor([1, 2] as [Float], shape: [1, 2]))])
        #expect(try data.adapted(to: graph).features.map(\.name) == ["x"])
        #expect(try graph.takingDefaults(except: ["shape"]).inputNames == ["x", "shape"])
    }

    @Test func mustHaveTheirInputsType() {
        #expect(throws: WinnowError.self) {
            try Graph(
                name: "wrong", inputs: [GraphInput("x", ValueType(.int64, [2]), defaultValue: Tensor(scalar: Float(3)))], outputs: ["x"],
                nodes: [])
        }
    }
}
