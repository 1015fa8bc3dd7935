import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import Winnow

/// A weight that a file's Loop hands from turn to turn is a weight of the model read.
@Suite struct UnchangedStateReadingTests {
    @Test func statesThatStayAreReadAroundTheBody() throws {
        let b = GraphBuilder("cell")
        let (x, w) = (try b.input("x", .float32, ["N", 2]), b.constant("w", Tensor([Float(1), 2, 3, 4], shape: [2, 2])))
        let body = try Graph(
            name: "body",
            inputs: [
                GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, [])),
                GraphInput("state", ValueType(.float32, ["N", 2])), GraphInput("kept", ValueType(.float32, [2, 2])),
            ],
            outputs: ["go.on", "next", "kept.on"],
            nodes: [
                Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"]),
                Node(name: "product", op: MatMul(), inputs: ["state", "kept"], outputs: ["next"]),
                Node(name: "hand", op: Identity(), inputs: ["kept"], outputs: ["kept.on"]),
            ])
        let last = try b.add(Loop(body), inputs: [b.constant("rounds", Tensor(scalar: Int64(2))), nil, x, w], outputs: 2, name: "loop")[0]
        let model = Model(try b.graph(outputs: [last]))
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("states-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        let read = try Model(reading: path)
        #expect(read.graph.node(named: "loop")?.op.capturedValues == [w])
        let input = ["x": Tensor([Float(1), -1], shape: [1, 2])]
        #expect(try read.run(input) == model.run(input))
    }
}
