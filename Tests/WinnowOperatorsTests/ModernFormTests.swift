import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// An operator in the form that old operator sets had.
struct OldForm: Sendable, CustomTestStringConvertible {
    var type: String
    var version: Int
    var attributes: Attributes
    var outputs = ["y"]
    var testDescription: String { "\(type) \(attributes.values)" }
}

@Suite struct ModernForms {
    static let oldForms: [OldForm] = [
        OldForm(type: "Clip", version: 9, attributes: ["min": .float(-0.5), "max": .float(0.25)]),
        OldForm(type: "Clip", version: 9, attributes: ["max": .float(0.25)]),
        OldForm(type: "Squeeze", version: 11, attributes: ["axes": .ints([1])]),
        OldForm(type: "Unsqueeze", version: 11, attributes: ["axes": .ints([0, 2])]),
        OldForm(type: "Dropout", version: 9, attributes: ["ratio": .float(0.25)]),
        OldForm(type: "Slice", version: 9, attributes: ["starts": .ints([1]), "ends": .ints([3]), "axes": .ints([2])]),
        OldForm(type: "Slice", version: 9, attributes: ["starts": .ints([0, 0]), "ends": .ints([1, 1])]),
        OldForm(type: "Split", version: 11, attributes: ["axis": .int(2), "split": .ints([1, 3])], outputs: ["y", "z"]),
        OldForm(type: "ReduceSum", version: 11, attributes: ["axes": .ints([2]), "keepdims": .int(0)]),
        OldForm(type: "ReduceMean", version: 13, attributes: ["axes": .ints([0, -1])]),
        OldForm(type: "Softmax", version: 9, attributes: [:]),
        OldForm(type: "Softmax", version: 9, attributes: ["axis": .int(2)]),
        OldForm(type: "LogSoftmax", version: 11, attributes: ["axis": .int(0)]),
    ]

    private func graph(_ form: OldForm, opset: Int) throws -> Graph {
        let op = try OperatorRegistry(OperatorCatalogue.all).makeOperator(
            OperatorType(form.type), attributes: form.attributes, version: form.version)
        var metadata = GraphMetadata()
        metadata.opsets = ["": opset]
        return try Graph(
            name: "old", inputs: [GraphInput("x", ValueType(.float32, ["N", 1, 4]))], outputs: form.outputs,
            nodes: [Node(name: "node", op: op, inputs: ["x"], outputs: form.outputs)], metadata: metadata)
    }

    @Test(arguments: oldForms) func theNewFormComputesTheSame(form: OldForm) throws {
        let old = try graph(form, opset: form.version)
        let new = try graph(form, opset: 21).agreeingOnVersions()
        #expect(new.neededVersions == ["": 21])
        #expect(new.nodes.allSatisfy { $0.op.maximumVersion >= 21 })
        let x = Tensor((0..<8).map { Float($0) / 8 - 0.5 }, shape: [2, 1, 4])
        let (a, b) = (try Session(old).run(["x": x]), try Session(new).run(["x": x]))
        for output in form.outputs {
            #expect(a[output]?.shape == b[output]?.shape)
            for (p, q) in zip(a[output]?.floats() ?? [], b[output]?.floats() ?? []) { #expect(abs(p - q) < 1e-6) }
        }
    }

    @Test(arguments: oldForms) func theOldFormStaysWhereItMay(form: OldForm) throws {
        let old = try graph(form, opset: form.version)
        #expect(try old.agreeingOnVersions().text == old.text)
        let again = try ONNXFile.read(bytes: ONNXFile.bytes(old), registry: OperatorRegistry(OperatorCatalogue.all))
        #expect(again.text == old.text)
        #expect(again.metadata.opsets == ["": form.version])
    }

    @Test(arguments: oldForms) func theNewFormIsReadBack(form: OldForm) throws {
        let new = try graph(form, opset: 21).agreeingOnVersions()
        let again = try ONNXFile.read(
            bytes: ONNXFile.bytes(graph(form, opset: 21)), registry: OperatorRegistry(OperatorCatalogue.all))
        #expect(again.text == new.text)
    }
}
