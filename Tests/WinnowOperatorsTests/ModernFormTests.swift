import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// An operator in the form that old operator sets had.
struct OldForm: Sendable, CustomTestStringConvertible {
    var type: String
    var version: Int
    var attributes: Attributes
    var outputs = ["y"]
    /// Further inputs, constant.
    var constants: [Tensor] = []
    var inputExtents: [Extent] { type == "DFT" ? ["N", 4, 1] : ["N", 1, 4] }
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
        OldForm(type: "Hardmax", version: 11, attributes: ["axis": .int(1)]),
        OldForm(type: "Dropout", version: 9, attributes: [:], outputs: ["y", "mask"]),
        OldForm(type: "Dropout", version: 11, attributes: [:], outputs: ["y", "mask"]),
        OldForm(type: "Split", version: 17, attributes: ["axis": .int(2)], outputs: ["y", "z"]),
        OldForm(type: "Split", version: 11, attributes: ["axis": .int(2)], outputs: ["y", "z"]),
        OldForm(type: "Upsample", version: 7, attributes: ["scales": .floats([1, 1, 2])]),
        OldForm(type: "Upsample", version: 9, attributes: [:], constants: [Tensor([1, 1, 2] as [Float])]),
        OldForm(type: "Resize", version: 10, attributes: [:], constants: [Tensor([1, 1, 2] as [Float])]),
        OldForm(type: "Resize", version: 10, attributes: ["mode": .string("linear")], constants: [Tensor([1, 1, 0.5] as [Float])]),
        OldForm(
            type: "Resize", version: 11,
            attributes: ["coordinate_transformation_mode": .string("tf_half_pixel_for_nn"), "nearest_mode": .string("floor")],
            constants: [Tensor([Float]()), Tensor([1, 1, 2.5] as [Float])]),
        OldForm(
            type: "Resize", version: 11, attributes: ["coordinate_transformation_mode": .string("tf_half_pixel_for_nn")],
            constants: [Tensor([Float]()), Tensor([1, 1, 1.5] as [Float])]),
        OldForm(type: "Pad", version: 10, attributes: ["pads": .ints([0, 0, 1, 0, 0, 2]), "value": .float(0.5)]),
        OldForm(type: "TopK", version: 9, attributes: ["k": .int(2)], outputs: ["y", "i"]),
        OldForm(type: "Add", version: 6, attributes: ["axis": .int(1), "broadcast": .int(1)], constants: [Tensor([3] as [Float])]),
        OldForm(type: "PRelu", version: 6, attributes: [:], constants: [Tensor([0.25] as [Float])]),
        OldForm(
            type: "Scatter", version: 9, attributes: ["axis": .int(2)],
            constants: [Tensor([Int64(1), 0], shape: [2, 1, 1]), Tensor([Float(8), 9], shape: [2, 1, 1])]),
        OldForm(
            type: "GroupNormalization", version: 18, attributes: ["num_groups": .int(1)],
            constants: [Tensor([2] as [Float]), Tensor([1] as [Float])]),
        OldForm(type: "DFT", version: 17, attributes: ["axis": .int(1), "onesided": .int(0)]),
    ]

    private func graph(_ form: OldForm, opset: Int) throws -> Graph {
        var attributes = form.attributes
        (attributes.inputCount, attributes.outputCount) = (1 + form.constants.count, form.outputs.count)
        let op = try OperatorCatalogue.registry.makeOperator(OperatorType(form.type), attributes: attributes, version: form.version)
        var metadata = GraphMetadata()
        metadata.opsets = ["": opset]
        let constants = form.constants.enumerated().map { (name: "c\($0.offset)", tensor: $0.element) }
        return try Graph(
            name: "old", inputs: [GraphInput("x", ValueType(.float32, form.inputExtents))], outputs: form.outputs,
            nodes: [Node(name: "node", op: op, inputs: ["x"] + constants.map(\.name), outputs: form.outputs)],
            initializers: constants, metadata: metadata)
    }

    @Test(arguments: oldForms) func theNewFormComputesTheSame(form: OldForm) throws {
        let old = try graph(form, opset: form.version)
        let new = try graph(form, opset: 21).agreeingOnVersions()
        #expect(new.neededVersions == ["": 21])
        #expect(new.nodes.allSatisfy { $0.op.maximumVersion >= 21 })
        let x = Tensor((0..<8).map { Float($0) / 8 - 0.5 }, shape: form.type == "DFT" ? [2, 4, 1] : [2, 1, 4])
        let (a, b) = (try Session(old).run(["x": x]), try Session(new).run(["x": x]))
        for output in form.outputs {
            #expect(a[output]?.shape == b[output]?.shape)
            for (p, q) in zip(a[output]?.floats() ?? [], b[output]?.floats() ?? []) { #expect(abs(p - q) < 1e-6) }
        }
    }

    @Test(arguments: ["Softmax", "LogSoftmax", "Hardmax"], [11, 13]) func nothingStaysNothing(type: String, version: Int) throws {
        let shapes: [(Shape, axis: Int)] = [([2, 1, 0, 0], -4), ([0, 3], 1), ([2, 0, 3], 1), ([2, 3, 0], 2), ([2, 0], 0)]
        for (shape, axis) in shapes {
            for opset in [version, 21] {
                let op = try OperatorCatalogue.registry.makeOperator(
                    OperatorType(type), attributes: ["axis": .int(axis)], version: version)
                var metadata = GraphMetadata()
                metadata.opsets = ["": opset]
                let graph = try Graph(
                    name: "nothing", inputs: [GraphInput("x", ValueType(.float32, shape.map { .fixed($0) }))], outputs: ["y"],
                    nodes: [Node(name: "node", op: op, inputs: ["x"], outputs: ["y"])], metadata: metadata
                ).agreeingOnVersions()
                #expect(try Session(graph).run(["x": Tensor(zeros: shape, .float32)])["y"]?.shape == shape, "\(shape) \(axis)")
            }
        }
    }

    @Test(arguments: oldForms) func everyNewerOperatorSetHasAForm(form: OldForm) throws {
        for version in max(form.version, 7)...VersionLaws.newest {
            let graph = try graph(form, opset: version).agreeingOnVersions()
            #expect(graph.nodes.allSatisfy { $0.op.maximumVersion >= version })
            try WrittenModels.keep(graph, "operators", "\(version) from \(form.version): \(form.testDescription)")
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
