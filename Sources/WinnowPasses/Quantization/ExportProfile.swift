package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What a runtime accepts, and what it runs in integers.
package struct ExportProfile: Sendable {
    package let name: String
    /// Layers whose integer sums it turns into floats at no cost: their results need be codes only for who wants such.
    var floatResults: Set<String> = ["Gemm", "MatMul"]
    /// Layers that it computes in float whatever they read and give.
    var floatLayers: Set<String> = []
    /// Whether it merges layers with what is behind them before it looks for codes, which must then lie around the whole.
    var mergesLayers = false
    /// Layers that it computes in integers only where their results become codes, even those that the model gives out.
    var codedOutputs: Set<String> = ["Conv"]
    /// Whether 0 must be the code of 0 in activations, which must be int8.
    var needsSymmetry = false
    /// The widest codes of activations that it takes.
    var codeBits = 16
    /// Whether it takes biases as int32 in steps of the sums.
    var takesIntegerBiases = true
    /// Operators besides layers that it computes on codes of several scales; codes for others would cost conversions only.
    var combinations: Set<String> = ["Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool"]
    /// Functions that it computes on codes where they come and go as such.
    var functions: Set<String> = []
    /// Operators that it computes on codes with the range of their definition alone, whatever was seen of their results.
    var definedRanges: Set<String> = []
    /// Whether what it computes in integers was measured, so that it can be told of a model.
    var isMeasured = false
    /// The newest operator set that it reads; nil: not known.
    var newestVersion: Int?
    /// Operators that it has no form of, by domain and name, besides those of other domains than `domains`.
    var refusedOperators: Set<String> = []
    /// Domains of the operators that it reads, ONNX's own being empty; nil: it may know those of any.
    var domains: Set<String>?
    /// Whether numbers that share a scale must be as many in every block.
    var needsEvenBlocks = false
    /// The fewest bits of a code that it takes.
    var leastCodeBits = 4

    /// Throws `.recipe` for codes that it does not take.
    func activations(_ wanted: ActivationCodes, isReduced: Bool, by convention: QuantizationConvention) throws -> ActivationScheme {
        let bits = wanted.elementType.bitWidth
        guard bits <= codeBits else {
            throw WinnowError(
                .recipe, "activations \(wanted.rawValue)", "have \(bits) bits, and \(name) takes codes of \(codeBits) at most",
                remedy: "use int8, or another profile")
        }
        guard needsSymmetry else {
            return ActivationScheme(elementType: wanted.elementType, codes: wanted.codes(reduced: isReduced), convention: convention)
        }
        return ActivationScheme(
            elementType: ElementType(named: "int\(bits)") ?? .int8,
            codes: convention.symmetricCodes(bits: isReduced && bits == 8 ? 7 : bits), isSymmetric: true, convention: convention)
    }

    /// Why a layer's weight must have one scale; nil where each channel may have its own.
    func objectionToChannelScales(of site: WeightSite, rank: Int) -> String? {
        guard site.operandAxis != nil else { return "one scale for the weight: its axes do not tell the channels" }
        guard rank > 2, site.node.op is any MatrixForm else { return nil }
        return "one scale for the weight: runtimes take a scale a channel of one matrix only"
    }

    /// What of a graph it does not take, each with the reason.
    package func objections(to graph: Graph) -> [Finding] {
        var findings: [Finding] = []
        let version = graph.metadata.version(of: "")
        if let newestVersion, version > newestVersion {
            findings.append(Finding("graph", .fellBack, reason: "\(name) reads operator sets up to \(newestVersion), and this is \(version)"))
        }
        return findings + objectionsToNodes(of: graph)
    }

    /// What of the nodes of a graph, and of the bodies in it, it does not take.
    private func objectionsToNodes(of graph: Graph, in holder: String = "") -> [Finding] {
        graph.nodes.flatMap { node in
            let own = objection(to: node, in: graph).map { [Finding(holder + node.name, .fellBack, reason: $0)] } ?? []
            return own + node.op.bodies.sorted { $0.key < $1.key }.flatMap { objectionsToNodes(of: $1, in: "\(holder)\(node.name)/") }
        }
    }

    private func objection(to node: Node, in graph: Graph) -> String? {
        let type = node.op.type
        if let domains, !domains.contains(type.domain) {
            return domains == [""] ? "\(name) takes operators of ONNX itself only, and this is \(type)" : "\(name) has no \(type)"
        }
        if refusedOperators.contains("\(type)") { return "\(name) has no \(type)" }
        guard node.op.inputRoles[1] == .scale else { return nil }
        let types = [node.input(0), node.output(0)].compactMap { $0.flatMap { graph.infos[$0]?.elementType } }
        if let narrow = types.first(where: { $0.isInteger && $0.bitWidth < 4 }) {
            if narrow.bitWidth < leastCodeBits { return "\(name) has no \(narrow)" }
            if let objection = GraphIndex(graph).objectionToTwoBits(behind: node) { return objection }
        }
        if needsSymmetry {
            let isZero = node.input(2).flatMap { graph.initializers[$0]?.isZero } ?? true
            if !isZero || types.contains(where: { $0.isInteger && !$0.isSigned }) { return "\(name) takes signed codes with zero points of 0 only" }
            if let wide = types.first(where: { $0.isInteger && $0.bitWidth > codeBits && $0.bitWidth < 32 }) {
                return "\(name) takes codes of \(codeBits) bits at most, and these are \(wide)"
            }
        }
        return needsEvenBlocks ? objectionToBlocks(of: node, in: graph) : nil
    }

    private func objectionToBlocks(of node: Node, in graph: Graph) -> String? {
        guard let scaleAxis = (node.op as? DequantizeLinear)?.scaleAxis ?? (node.op as? QuantizeLinear)?.scaleAxis, scaleAxis.blockSize > 0,
            let extents = node.input(0).flatMap({ graph.infos[$0]?.extents })
        else { return nil }
        let axis = scaleAxis.axis ?? 1
        let place = axis < 0 ? axis + extents.count : axis
        guard extents.indices.contains(place), let extent = extents[place].value, extent % scaleAxis.blockSize != 0 else { return nil }
        return "\(name) takes blocks of one size only, and blocks of \(scaleAxis.blockSize) do not divide \(extent)"
    }
}

/// The runtimes that files are made for, one line each.
public enum ExportProfiles: MemberCatalogue {
    package static let all: [ExportProfile] = [
        // Its CPU kernels fuse Q/DQ pairs around layers whose inputs and results are codes. QLinearSoftmax gives wrong codes for other steps
        // than 1/256.
        ExportProfile(
            name: "onnxruntime", floatLayers: ["ConvTranspose"], mergesLayers: true, functions: ["Softmax", "Sigmoid", "LeakyRelu"],
            definedRanges: ["Softmax"], isMeasured: true, newestVersion: 26, leastCodeBits: 2),
        // It fuses what comes into layers, whatever becomes of their results, and adds and multiplies in float.
        ExportProfile(
            name: "openvino", floatResults: ["Gemm", "MatMul", "Conv", "ConvTranspose"],
            combinations: ["Concat", "AveragePool", "GlobalAveragePool"], isMeasured: true, newestVersion: 26,
            refusedOperators: [
                "com.microsoft.QAttention", "com.microsoft.QGemm", "com.microsoft.QLinearGlobalAveragePool", "BitCast", "CausalConvWithState",
                "TensorScatter",
            ], domains: ["", "com.microsoft", "org.openvinotoolkit", "org.pytorch.aten", "mmdeploy"], needsEvenBlocks: true),
        // Its parser refuses zero points, unsigned codes and operators on codes, and computes biases in float.
        ExportProfile(
            name: "tensorrt", floatResults: ["Gemm", "MatMul", "Conv", "ConvTranspose"], needsSymmetry: true, codeBits: 8,
            takesIntegerBiases: false, refusedOperators: operatorsOnCodes, domains: [""], needsEvenBlocks: true),
        // Standard operators that runtimes have known for years, in the form that all of them fuse.
        ExportProfile(name: "portable", mergesLayers: true, definedRanges: ["Softmax"], newestVersion: 20, domains: [""]),
        // Quantized weights and activations of iOS 17, biases in float.
        ExportProfile(
            name: "coreml", floatResults: ["Gemm", "MatMul", "Conv", "ConvTranspose"], takesIntegerBiases: false, combinations: [],
            refusedOperators: operatorsOnCodes, domains: [""], needsEvenBlocks: true),
    ]
    /// Those of ONNX itself that compute with codes rather than with the numbers behind them.
    private static let operatorsOnCodes: Set<String> = ["ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"]
    /// Those that are one runtime.
    package static var runtimes: [ExportProfile] { all.filter { $0.name != "portable" } }
    public static var names: [String] { all.map(\.name) }
}
