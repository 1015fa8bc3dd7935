import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct ExportProfileTests {
    private func quantized(_ graph: Graph, _ profile: String) throws -> PassResult {
        try StaticQuantization(hyperparameters: ["profile": .string(profile)])(graph, in: TestModels.context(for: graph))
    }

    /// Zero points of 0, int8, biases in floats: what TensorRT's parser takes.
    @Test func tensorRTIsSymmetric() throws {
        for graph in try TestModels.all {
            let result = try quantized(graph, "tensorrt")
            let index = GraphIndex(result.graph)
            let pairs = result.graph.nodes.filter { $0.op.inputRoles[1] == .scale }
            #expect(!pairs.isEmpty)
            for node in pairs {
                #expect(index.constant(node.input(2))?.integers().allSatisfy { $0 == 0 } ?? true)
                #expect(index.info(of: node.op is QuantizeLinear ? node.output(0) : node.input(0))?.elementType == .int8)
            }
            #expect(!result.findings.contains { $0.reason.contains("tensorrt") })
            let biases = Set(graph.nodes.filter { $0.op.quantization == .contraction }.compactMap { $0.input(2) })
            #expect(result.findings.allSatisfy { !biases.contains($0.subject) || $0.reason.contains("adds biases in float") })
            try WrittenModels.keep(result.graph, "passes", "static-quantization tensorrt \(graph.name)")
            let inputs = try TestModels.dataset(for: graph, count: 16).features[0].tensor
            let (a, b) = (try TestModels.predictions(of: graph, on: inputs), try TestModels.predictions(of: result.graph, on: inputs))
            let (own, other) = (Tensor(a.flatMap { $0 }), Tensor(b.flatMap { $0 }))
            #expect(own.relativeError(of: other) < 0.2, "\(graph.name) \(own.relativeError(of: other))")
        }
    }

    /// TensorRT has no codes of 16 bits: they are refused where they would be made, and named where they are.
    @Test(arguments: ["static-quantization", "quantization-aware-training", "learned-step-quantization"], ["uint16", "int16"])
    func tensorRTTakesEightBits(_ pass: String, _ type: String) throws {
        let graph = try TestModels.convolutional()
        let step = try PassStep(named: pass, hyperparameters: ["profile": "tensorrt", "activations": .string(type)])
        let error = #expect(throws: WinnowError.self) { try step.pass(graph, in: TestModels.context(for: graph)) }
        #expect(error?.kind == .recipe && error?.problem.contains("16 bits") == true)
    }

    @Test func sixteenBitsAreNamedForTensorRT() throws {
        let b = GraphBuilder("pair")
        let parameters = [b.constant("scale", scalar: Float(0.5)), b.constant("zero", scalar: Int16(0))]
        let codes = try b.add(QuantizeLinear(), inputs: [b.input("x", .float32, ["N", 4])] + parameters)[0]
        let graph = try b.graph(outputs: [b.add(DequantizeLinear(), inputs: [codes] + parameters)[0]])
        #expect(reasons("tensorrt", graph).count == 2 && reasons("tensorrt", graph).allSatisfy { $0.contains("8 bits at most") })
        #expect(reasons("onnxruntime", graph).isEmpty)
    }

    /// What a profile does not take is named.
    @Test func objectionsAreNamed() throws {
        let graph = try TestModels.convolutional()
        let affine = try quantized(graph, "onnxruntime").graph
        func objections(_ profile: String, _ graph: Graph) -> [Finding] { Chosen<ExportProfiles>(name: profile).member.objections(to: graph) }
        #expect(objections("onnxruntime", affine).isEmpty)
        #expect(objections("tensorrt", affine).contains { $0.reason.contains("zero points of 0") })
        var newer = graph
        newer.metadata.opsets[""] = 27
        #expect(objections("onnxruntime", newer).contains { $0.reason.contains("operator sets up to 26") })
    }

    private func reasons(_ profile: String, _ graph: Graph) -> [String] {
        Chosen<ExportProfiles>(name: profile).member.objections(to: graph).map { "\($0.subject): \($0.reason)" }
    }

    /// Blocks that do not divide what they lie along are no blocks to runtimes that reshape by them; those that do are.
    @Test(arguments: [(20, true), (32, false)]) func unevenBlocksAreRefused(inputs: Int, isUneven: Bool) throws {
        let b = GraphBuilder("blocks")
        let x = try b.input("x", .float32, ["N", .fixed(inputs)])
        let graph = try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", TestModels.normal([inputs, 24])))])
        let coded = try WeightOnlyQuantization { ($0.bits, $0.blockSize) = (4, 16) }(graph).graph
        for profile in ["openvino", "tensorrt", "coreml"] {
            #expect(reasons(profile, coded).contains { $0.contains("blocks of 16 do not divide 20") } == isUneven, "\(profile)")
        }
        #expect(reasons("onnxruntime", coded).isEmpty)
    }

    /// Operators of ONNX Runtime's own, and those that compute with codes, are named where a runtime has none, in bodies too.
    @Test func operatorsThatARuntimeDoesNotHaveAreNamed() throws {
        let b = GraphBuilder("own")
        let x = try b.input("x", .float32, ["N", 32])
        let graph = try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", TestModels.normal([32, 24])), name: "layer")])
        let packed = try WeightOnlyQuantization { ($0.scheme, $0.mixed, $0.matrices) = ("uint4-g16", false, .matMulNBits) }(graph).graph
        let dynamic = try DynamicQuantization()(graph).graph
        for profile in ["tensorrt", "portable", "coreml"] {
            #expect(reasons(profile, packed).contains { $0.contains("com.microsoft.MatMulNBits") }, "\(profile)")
            #expect(reasons(profile, dynamic).contains { $0.contains("has no MatMulInteger") } == (profile != "portable"), "\(profile)")
        }
        for profile in ["onnxruntime", "openvino"] { #expect(reasons(profile, packed).isEmpty && reasons(profile, dynamic).isEmpty) }
        let outer = GraphBuilder("outer")
        let (data, condition) = (try outer.input("x", .float32, ["N", 32]), try outer.input("condition", .bool, []))
        let branch = try packed.capturing(data, ValueType(.float32, ["N", 32]))
        let held = try outer.graph(outputs: [outer.add(If(then: branch, else: branch), condition, name: "choice")])
        #expect(reasons("tensorrt", held).contains { $0.hasPrefix("choice/layer: ") })
    }

    /// TensorRT takes no unsigned codes, where zero is their zero point too.
    @Test func unsignedCodesAreRefused() throws {
        let graph = try TestModels.perceptron()
        #expect(reasons("tensorrt", try Palettization()(graph).graph).contains { $0.contains("signed codes") })
        #expect(reasons("tensorrt", try WeightOnlyQuantization { $0.scheme = "int8" }(graph).graph).isEmpty)
    }
}

extension Graph {
    /// The same as a body that captures what is its input.
    fileprivate func capturing(_ name: ValueName, _ type: ValueType) throws -> Graph {
        try Graph(
            name: self.name, inputs: [], outputs: outputs, nodes: nodes, initializers: namedInitializers, captures: [name: type],
            metadata: metadata)
    }
}
