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
}
