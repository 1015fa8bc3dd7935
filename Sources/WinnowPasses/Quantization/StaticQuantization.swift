import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Turns Conv, Gemm and MatMul into integer arithmetic with ranges fixed on calibration data.
///
/// ```
/// %2 = Conv(%1, @w, @b)      %1q = QuantizeLinear(%1)  …  %2 = Conv(DQ(%1q), DQ(@w.codes), DQ(@b.codes))
/// %3 = Relu(%2)           →  %3 = Relu(%2);  %3q = QuantizeLinear(%3)
/// ```
package struct StaticQuantization: Pass {
    package static let name = "static-quantization"
    package static let summary = "int8 weights and activations with ranges fixed on calibration data"
    package static let guide = """
        Weights become int8, symmetric around 0, with a scale for every output channel; activations 8 bits with a zero \
        point, their ranges observed on calibration data; biases int32 with the scale of the sums. The file holds \
        QuantizeLinear/DequantizeLinear pairs, which onnxruntime and OpenVINO run as integer kernels. Fold \
        BatchNormalization first. A Relu behind a layer is absorbed: its output is what is quantized.
        """

    @Hyperparameter("element type of activations") package var activations = ActivationCodes.uint8
    @Hyperparameter("a scale for every output channel of a weight, instead of one for the tensor") package var perChannel = true
    @Hyperparameter("how activation ranges are found") package var range = RangeMethod.minMax
    @Hyperparameter("percent of the values inside the range, in percentile", in: 50...100) package var percentile = 99.99
    @Hyperparameter("calibration samples to run at most", in: 1...1e9) package var samples = 512
    @Hyperparameter("use 7 bits where 8 would overflow on processors without VNNI") package var reduceRange = false
    @Hyperparameter("quantize the model's outputs too, instead of giving floats from the last layer's sums")
    package var quantizeOutputs = false
    @Hyperparameter("globs of tensors or nodes to quantize; empty: all") package var only: [String] = []
    @Hyperparameter("globs of tensors or nodes to keep in float") package var except: [String] = []

    package init() {}

    package var needs: PassNeeds { .calibration }

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let dense = try graph.foldingMasks()
        let selection = try Selection(only: only, except: except, in: dense)
        let plan = QuantizationPlan(dense, selection: selection, quantizesOutputs: quantizeOutputs)
        var ledger = WeightLedger(graph)
        for finding in plan.floats { ledger.note(finding) }
        guard !plan.sites.isEmpty else { return PassResult(graph: graph, findings: ledger.findings { _ in Self.rest }) }
        var insertion = QDQInsertion(dense)
        try quantizeActivations(plan, of: dense, into: &insertion, context: context, ledger: &ledger)
        for site in plan.sites { quantizeWeight(site, of: dense, into: &insertion, ledger: &ledger) }
        return PassResult(graph: try insertion.apply(), findings: ledger.findings { _ in Self.rest })
    }

    private static var rest: String { "belongs to no Conv, Gemm or MatMul that becomes integer" }

    /// Calibrates the plan's groups and puts their pairs in.
    package func quantizeActivations(
        _ plan: QuantizationPlan, of graph: Graph, into insertion: inout QDQInsertion, context: PassContext,
        ledger: inout WeightLedger
    ) throws {
        var calibration = Calibration()
        calibration.method = range
        calibration.percentile = percentile
        calibration.sampleCount = samples
        let ranges = try calibration.ranges(of: plan.groups.compactMap(\.values.first), in: graph, context: context)
        for group in plan.groups {
            guard let first = group.values.first else { continue }
            let observed = ranges[first] ?? 0...0
            let parameters = QuantizationParameters(
                affine: group.isRectified ? 0...max(0, observed.upperBound) : observed, activations.elementType,
                codes: activations.codes(reduced: reduceRange))
            insertion.quantize(group, parameters)
            ledger.note(Finding(
                first, quantity: "largest magnitude", before: Double(max(-observed.lowerBound, observed.upperBound)),
                after: Double(parameters.scales[0]) * Double(parameters.codes.count - 1),
                reason: "\(parameters.elementType), scale \(parameters.scales[0]), zero point \(parameters.zeroPoints[0])"))
        }
    }

    private func quantizeWeight(
        _ site: WeightSite, of graph: Graph, into insertion: inout QDQInsertion, ledger: inout WeightLedger
    ) {
        guard let parameters = weightParameters(site, in: graph), let weight = graph.initializers[site.tensor] else { return }
        insertion.quantize(weight: site, parameters)
        ledger.note(.quantized(site.tensor, weight, parameters, isPerChannel: perChannel))
        guard let bias = site.node.input(2), graph.initializers[bias] != nil else { return }
        if let reason = insertion.quantize(bias: bias, of: site, weight: parameters) { ledger.skip(bias, reason) } else {
            ledger.note(Finding(bias, quantity: "element size", unit: "bits", before: 32, after: 32, reason: "int32"))
        }
    }

    /// int8 parameters of a weight, with one scale a channel where its axes tell which axis that is.
    package func weightParameters(_ site: WeightSite, in graph: Graph) -> QuantizationParameters? {
        graph.initializers[site.tensor].map {
            QuantizationParameters(symmetric: $0, axis: perChannel ? site.outputAxis : nil, .int8, limit: reduceRange ? 63 : 127)
        }
    }
}

extension Finding {
    /// A weight's element size before and after, and how far its values moved.
    static func quantized(
        _ name: ValueName, _ weight: Tensor, _ parameters: QuantizationParameters, isPerChannel: Bool
    ) -> Finding {
        let fellBack = isPerChannel && parameters.axis == nil
        let error = weight.relativeError(of: parameters.roundTrip(weight))
        return Finding(
            name, fellBack ? .fellBack : .done, "element size", unit: "bits", before: Double(weight.elementType.bitWidth),
            after: Double(parameters.elementType.bitWidth),
            reason: (fellBack ? "one scale for the tensor: its axes do not tell the channels; " : "") + "relative error \(error)")
    }
}

extension Tensor {
    /// ‖other − self‖ / ‖self‖, with three digits.
    func relativeError(of other: Tensor) -> Double {
        let own = doubles()
        let others = other.doubles()
        let norm = own.reduce(0) { $0 + $1 * $1 }
        let distance = zip(own, others).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        guard norm > 0 else { return 0 }
        let ratio = (distance / norm).squareRoot()
        return (ratio * 1e5).rounded() / 1e5
    }
}
