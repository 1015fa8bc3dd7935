import Foundation
import Testing
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowTensor

private let registry = OperatorRegistry([])

@Suite struct ONNXRoundTrips {
    static let models = [
        "inputs-opset9.onnx", "constants.onnx", "types.onnx", "int4.onnx", "body.onnx", "external.onnx",
    ]

    @Test(arguments: models) func writingAndReadingGivesTheSameGraph(name: String) throws {
        let graph = try Fixture.graph(name)
        let bytes = try ONNXFile.bytes(graph)
        let again = try ONNXFile.read(bytes: bytes, registry: registry)
        #expect(again.everything == graph.everything)
        #expect(try ONNXFile.bytes(again) == bytes)
    }

    @Test(arguments: models) func throughFilesWithAndWithoutExternalData(name: String) throws {
        let graph = try Fixture.graph(name)
        try withTemporaryFolder { folder in
            for policy: ExternalDataPolicy in [.embedded, .external(minimumByteCount: 1), .external(minimumByteCount: 16)] {
                try ONNXFile.write(graph, to: folder + "/m.onnx", externalData: policy)
                #expect(try ONNXFile.read(folder + "/m.onnx", registry: registry).everything == graph.everything)
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(Set(files).isSubset(of: ["m.onnx", "m.onnx.data"]))
        }
    }

    /// What is streamed is byte for byte what the file holds, however long lengths are.
    @Test(arguments: [0, 1, 31, 32, 5_000, 600_000]) func streamedBytesAreTheFile(count: Int) throws {
        let op = UnknownOperator(OperatorType("Relu"), attributes: [:], version: 13)
        let graph = try Graph(
            name: "g", inputs: [], outputs: ["y"], nodes: [Node(name: "n", op: op, inputs: ["w"], outputs: ["y"])],
            initializers: [("w", Tensor((0..<count).map(Float.init)))])
        try withTemporaryFolder { folder in
            try ONNXFile.write(graph, to: folder + "/m.onnx")
            let bytes = try ONNXFile.bytes(graph)
            #expect(try Array(Data(contentsOf: URL(fileURLWithPath: folder + "/m.onnx"))) == bytes)
            #expect(try ONNXFile.read(bytes: bytes, registry: registry).initializers["w"] == graph.initializers["w"])
        }
    }

    @Test func aGraphThatReadsItsOwnExternalDataIsWrittenOverIt() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/m.onnx"
            try ONNXFile.write(Fixture.graph("external.onnx"), to: path, externalData: .external(minimumByteCount: 1))
            let mapped = try ONNXFile.read(path, registry: registry)
            try ONNXFile.write(mapped, to: path, externalData: .external(minimumByteCount: 1))
            #expect(try ONNXFile.read(path, registry: registry).everything == mapped.everything)
        }
    }

    @Test func externalTensorsBeginOnPages() throws {
        try withTemporaryFolder { folder in
            try ONNXFile.write(Fixture.graph("external.onnx"), to: folder + "/m.onnx", externalData: .external(minimumByteCount: 1))
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/m.onnx.data"))
            #expect(data.count == 4096 + 3 * 4)
            #expect(Array(data.prefix(48)) == (try Fixture.weights().bytes))
        }
    }

    @Test func anotherModelsExternalDataIsNotOverwritten() throws {
        try withTemporaryFolder { folder in
            let graph = try Fixture.graph("external.onnx")
            try AtomicFile.write("mine", to: folder + "/m.onnx.data")
            for _ in 0..<2 { try ONNXFile.write(graph, to: folder + "/m.onnx", externalData: .external(minimumByteCount: 1)) }
            #expect(try String(contentsOfFile: folder + "/m.onnx.data", encoding: .utf8) == "mine")
            #expect(try ONNXFile.files(of: folder + "/m.onnx") == [folder + "/m.onnx", folder + "/m.onnx-1.data"])
            #expect(try ONNXFile.read(folder + "/m.onnx", registry: registry).everything == graph.everything)
        }
    }

    @Test func theOperatorSetRisesToWhatNodesNeed() throws {
        var metadata = GraphMetadata()
        metadata.opsets = ["": 13]
        metadata.irVersion = 7
        let op = UnknownOperator(OperatorType("Gelu"), attributes: [:], version: 20)
        let custom = UnknownOperator(OperatorType("Odd", domain: "a.b"), attributes: [:], version: 2)
        let graph = try Graph(
            name: "g", inputs: [GraphInput("x", ValueType(.float32, [2]))], outputs: ["y"],
            nodes: [
                Node(name: "a", op: op, inputs: ["x"], outputs: ["h"]), Node(name: "b", op: custom, inputs: ["h"], outputs: ["y"]),
            ], metadata: metadata)
        let again = try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: registry)
        #expect(again.metadata.opsets == ["": 20, "a.b": 2])
        #expect(again.metadata.irVersion == 9)
    }
}

/// What a file says in words.
@Suite struct NotesInFiles {
    private func described() throws -> Graph {
        var metadata = GraphMetadata()
        metadata.graphNotes = Notes(documentation: "a graph", properties: ["b": "2", "a": "1"])
        var x = ValueNotes()
        x.notes = Notes(documentation: "RGB, 0…1", properties: ["unit": "1"])
        x.denotation = "IMAGE"
        x.axisDenotations = [0: "DATA_BATCH"]
        var w = ValueNotes()
        w.tensor = Notes(documentation: "a weight", properties: ["trained": "yes"])
        var h = ValueNotes()
        h.notes = Notes(documentation: "hidden")
        h.quantization = ["SCALE_TENSOR": "s"]
        metadata.valueNotes = ["x": x, "w": w, "h": h]
        metadata.properties = ["labels": "cat,dog"]
        let notes = Notes(documentation: "a layer", properties: ["mask": "w.mask", "alpha": "β"])
        return try Graph(
            name: "g", inputs: [GraphInput("x", ValueType(.float32, ["N", 2]))], outputs: ["y"],
            nodes: [
                Node(name: "add", op: Add(), inputs: ["x", "w"], outputs: ["h"], notes: notes),
                Node(name: "relu", op: Relu(), inputs: ["h"], outputs: ["y"]),
            ], initializers: [("w", Tensor([1, 2] as [Float])), ("s", Tensor(scalar: Float(2)))], metadata: metadata)
    }

    private func reread(_ graph: Graph) throws -> Graph {
        try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: OperatorCatalogue.registry)
    }

    @Test func areReadAndWritten() throws {
        let graph = try described()
        let again = try reread(graph)
        #expect(again.nodes.map(\.notes) == graph.nodes.map(\.notes))
        #expect(again.metadata.graphNotes == graph.metadata.graphNotes)
        #expect(again.metadata.valueNotes == graph.metadata.valueNotes)
        #expect(again.initializerNames == graph.initializerNames)
        #expect(try ONNXFile.bytes(again) == ONNXFile.bytes(graph))
    }

    @Test func areKeptByANodeThatTakesAnothersPlace() throws {
        let graph = try described()
        let edit = GraphEdit(replacing: ["add"], with: [Node(name: "add", op: Sub(), inputs: ["x", "w"], outputs: ["h"])])
        #expect(try graph.applying(edit).node(named: "add")?.notes == graph.node(named: "add")?.notes)
        let own = Notes(documentation: "another")
        let other = GraphEdit(replacing: ["add"], with: [Node(name: "add", op: Sub(), inputs: ["x", "w"], outputs: ["h"], notes: own)])
        #expect(try graph.applying(other).node(named: "add")?.notes == own)
    }

    @Test func goWithTheValueTheyAreAbout() throws {
        let edit = GraphEdit(replacing: ["add", "relu"], with: [Node(name: "relu", op: Relu(), inputs: ["x"], outputs: ["y"])])
        let again = try reread(described().applying(edit))
        #expect(again.metadata.valueNotes.keys.sorted() == ["x"])
    }
}

@Suite struct DeclaredTypes {
    private func write(_ op: any Operator, _ inputs: [ValueType], declared: ValueType) throws -> GraphMetadata {
        var metadata = GraphMetadata()
        metadata.outputTypes = ["y": declared]
        let inputs = inputs.enumerated().map { GraphInput("x\($0.offset)", $0.element) }
        let graph = try Graph(
            name: "g", inputs: inputs, outputs: ["y"],
            nodes: [Node(name: "n", op: op, inputs: inputs.map(\.name), outputs: ["y"])], metadata: metadata)
        return try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: OperatorCatalogue.registry).metadata
    }

    @Test func whatCannotBeInferredStaysAsDeclared() throws {
        let declared = ValueType(.int64, ["N", 3])
        let unknown = UnknownOperator(OperatorType("Odd"), attributes: [:], version: 17)
        #expect(try write(unknown, [ValueType(.int64, [2])], declared: declared).outputTypes == ["y": declared])
    }

    @Test func onlyDeclaredValuesInsideAreDeclaredAgain() throws {
        func graph(_ declared: Set<ValueName>) throws -> Graph {
            var metadata = GraphMetadata()
            metadata.declaredValues = declared
            return try Graph(
                name: "g", inputs: [GraphInput("x", ValueType(.float32, [2]))], outputs: ["y"],
                nodes: [("a", "x", "h"), ("b", "h", "k"), ("c", "k", "y")].map {
                    Node(name: $0.0, op: Relu(), inputs: [$0.1], outputs: [$0.2])
                }, metadata: metadata)
        }
        let bytes = try ONNXFile.bytes(graph(["k", "gone"]))
        #expect(try ONNXFile.read(bytes: bytes, registry: OperatorCatalogue.registry).metadata.declaredValues == ["k"])
        #expect(try ONNXFile.bytes(graph([])).count < bytes.count)
    }

    @Test func extentsThatCannotBeInferredStayAsDeclared() throws {
        let declared = ValueType(.float32, ["batch", 4])
        let written = try write(Relu(), [ValueType(.float32, [.unknown, 4])], declared: declared)
        #expect(written.outputTypes == ["y": declared])
    }

    @Test func namesOfExtentsStayAsDeclared() throws {
        let x = ValueType(.float32, ["N", "M", 4])
        let written = try write(Relu(), [x], declared: ValueType(.float32, ["batch", .unknown, "width"]))
        #expect(written.outputTypes == ["y": ValueType(.float32, ["batch", "M", 4])])
    }

    @Test func nothingIsConcludedFromAGuess() throws {
        var metadata = GraphMetadata()
        metadata.outputTypes = ["y": ValueType(.int64, [2])]
        let odd = UnknownOperator(OperatorType("Odd"), attributes: [:], version: 17)
        let graph = try Graph(
            name: "g", inputs: [GraphInput("x", ValueType(.float32, [2]))], outputs: ["y"],
            nodes: [
                Node(name: "odd", op: odd, inputs: ["x"], outputs: ["h"]),
                Node(name: "reshape", op: Reshape(), inputs: ["h", "shape"], outputs: ["r"]),
                Node(name: "add", op: Add(), inputs: ["r", "c"], outputs: ["y"]),
            ], initializers: [("c", Tensor([1, 2] as [Int64])), ("shape", Tensor([2] as [Int64]))], metadata: metadata)
        let again = try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: OperatorCatalogue.registry)
        #expect(again.metadata.outputTypes == metadata.outputTypes)
        #expect(again.infos["r"]?.isGuess == true)
        #expect(try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: OperatorRegistry([])).type(of: "r") == .unknown)
    }

    @Test func whatIsInferredIsWrittenInstead() throws {
        let metadata = try write(Relu(), [ValueType(.float32, ["N", 4])], declared: ValueType(.float32, [7]))
        #expect(metadata.outputTypes == ["y": ValueType(.float32, ["N", 4])])
    }
}

@Suite struct ONNXReading {
    @Test func initializersListedAsInputsAreConstants() throws {
        let graph = try Fixture.graph("inputs-opset9.onnx")
        #expect(graph.inputs == [GraphInput("x", ValueType(.float32, [.symbol("N"), .fixed(4)]))])
        #expect(graph.initializerNames == ["w", "b"])
        #expect(graph.initializers["b"] == Tensor([0.5, -0.5, 0.25] as [Float]))
        #expect(graph.nodes.map(\.name) == ["Gemm_0", "Relu_1"])
        #expect(graph.metadata.opsets == ["": 9])
        #expect(graph.metadata.irVersion == 3)
    }

    /// Numbers among the nodes are no parameters where weights are stored as such; older files have all weights so.
    @Test(arguments: [true, false]) func constantsBesideStoredWeightsAreToldFromThem(storesWeights: Bool) throws {
        func node(_ name: String, _ attributes: Attributes = [:], _ inputs: [ValueName] = []) -> Node {
            Node(name: name, op: UnknownOperator(OperatorType(name), attributes: attributes, version: 13), inputs: inputs, outputs: ["\(name).0"])
        }
        var scale = node("Constant", ["value": .tensor(Tensor([1] as [Float]))])
        scale.outputs = ["scale"]
        var weight = node("Constant", ["value": .tensor(Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))])
        (weight.name, weight.outputs) = ("weight", ["w"])
        let graph = try Graph(
            name: "g", inputs: [GraphInput("x", ValueType(.float32, ["N", 2]))], outputs: ["Mul.0"],
            nodes: [scale, node("MatMul", [:], ["x", "w"]), node("Mul", [:], ["MatMul.0", "scale"])] + (storesWeights ? [] : [weight]),
            initializers: storesWeights ? [("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))] : [])
        let read = try ONNXFile.read(bytes: ONNXFile.bytes(graph), registry: OperatorCatalogue.registry)
        #expect(read.initializerNames.sorted() == ["scale", "w"] && read.constantNames == (storesWeights ? ["scale"] : []))
        let again = try ONNXFile.read(bytes: ONNXFile.bytes(read), registry: OperatorCatalogue.registry)
        #expect(again.constantNames == read.constantNames)
    }

    /// From IR version 4 on; before, the same listing makes constants.
    @Test func initializersListedAsInputsAreDefaultValues() throws {
        var metadata = GraphMetadata()
        metadata.irVersion = 8
        let graph = try Graph(
            name: "g", inputs: [
                GraphInput("x", ValueType(.float32, ["N", 2])),
                GraphInput("t", ValueType(.float32, [2]), defaultValue: Tensor([1, 2] as [Float])),
            ], outputs: ["y"], nodes: [Node(name: "n", op: Add(), inputs: ["x", "t"], outputs: ["y"])], metadata: metadata)
        let bytes = try ONNXFile.bytes(graph)
        let again = try ONNXFile.read(bytes: bytes, registry: OperatorCatalogue.registry)
        #expect(again.inputs == graph.inputs && again.initializers.isEmpty)
        #expect(try ONNXFile.bytes(again) == bytes)
        // The first field is the IR version.
        let old = try ONNXFile.read(bytes: [8, 3] + bytes.dropFirst(2), registry: OperatorCatalogue.registry)
        #expect(old.inputNames == ["x"] && old.initializerNames == ["t"])
    }

    @Test func constantNodesBecomeInitializers() throws {
        let graph = try Fixture.graph("constants.onnx")
        #expect(graph.initializerNames == ["w", "scale", "bias", "axis", "shape"])
        #expect(graph.initializers["scale"] == Tensor(scalar: Float(2)))
        #expect(graph.initializers["axis"] == Tensor(scalar: Int64(1)))
        #expect(graph.initializers["shape"] == Tensor([-1, 3, 1] as [Int64]))
        #expect(graph.initializers["bias"] == Tensor([0.5, -0.5, 0.25] as [Float]))
        #expect(graph.initializers["w"] == (try Fixture.weights()))
        #expect(graph.nodes.map(\.name) == ["fc", "Mul_6", "Reshape_7", "Gather_8"])
    }

    @Test func everyElementTypeReadsWhatPythonWrote() throws {
        let graph = try Fixture.graph("types.onnx")
        let expected: [String: [Double]] = [
            "f32": [1.5, -2, 3.25], "f64": [1.5, -2, 3.25], "f16": [1.5, -2, 3.25], "bf16": [1.5, -2, 3.25],
            "f8e4m3fn": [1.5, -2, 3.25], "f8e5m2": [1.5, -2, 3], "i8": [1, -2, 127], "u8": [1, 2, 255],
            "i16": [1, -2, 32767], "u16": [1, 2, 65535], "i32": [1, -2, 2_147_483_647], "u32": [1, 2, 4_294_967_295],
            "i64": [1, -2, 9_007_199_254_740_992], "u64": [1, 2, 9_007_199_254_740_992], "bool": [1, 0, 1],
            "i4": [1, -8, 7], "u4": [1, 2, 15],
        ]
        #expect(Set(graph.initializerNames) == Set(expected.keys))
        for (name, values) in expected { #expect(graph.initializers[name]?.doubles() == values, "\(name)") }
        #expect(graph.type(of: "i4_out")?.elementType == .int4)
    }

    @Test func fourBitWeightsArePackedLowNibbleFirst() throws {
        let graph = try Fixture.graph("int4.onnx")
        #expect(graph.initializers["q"]?.doubles() == (-8..<8).map { Double($0) })
        #expect(graph.initializers["q"]?.bytes.first == 0x98)
    }

    @Test func bodiesReadValuesAroundThem() throws {
        let graph = try Fixture.graph("body.onnx")
        let node = try #require(graph.node(named: "if"))
        let then = try #require(try node.op.attributes.graph("then_branch"))
        #expect(then.captures == ["x": ValueType(.float32, ["N"]), "one": ValueType(.float32, [] as Shape)])
        #expect(Set(node.op.capturedValues) == ["x", "one"])
        #expect(graph.type(of: "i") == ValueType(.float32, ["N"]))
        #expect(graph.type(of: "y") == ValueType(.int64, ["N", 2]))
        let fancy = try #require(graph.node(named: "fancy")).op
        #expect(fancy.type == OperatorType("Fancy", domain: "my.domain"))
        #expect(fancy.minimumVersion == 3)
        #expect(try fancy.attributes.string("mode") == "fast")
        #expect(try fancy.attributes.tensor("table") == Tensor([0, 1, 2] as [Int64]))
    }

    @Test func externalDataIsMapped() throws {
        let graph = try Fixture.graph("external.onnx")
        #expect(graph.initializers["w"] == (try Fixture.weights()))
        #expect(graph.initializers["b"] == Tensor([0.5, -0.5, 0.25] as [Float]))
    }

    @Test func metadataIsKept() throws {
        let metadata = try Fixture.graph("constants.onnx").metadata
        #expect(metadata.properties == ["author": "nobody", "task": "test"])
        #expect(metadata.documentation == "a small model")
        #expect(metadata.producerName == "fixtures")
        #expect(metadata.producerVersion == "1.2")
        #expect(metadata.irVersion == 8)
    }
}
