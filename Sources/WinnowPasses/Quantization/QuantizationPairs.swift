import Foundation
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// A graph with Q/DQ pairs on everything a static quantization covers; weights are still float beneath.
struct QuantizationPairs {
    var graph: Graph
    private(set) var findings: [Finding]
    /// The scales of activations that may change, with the elements of a sample that share each and the largest code.
    private(set) var activationScales: [(name: ValueName, elementCount: Int, limit: Int)] = []
    /// How values become codes, and how that follows from a range, by names of scales.
    private(set) var activations: [ValueName: (parameters: QuantizationParameters, encoding: RangeEncoding)] = [:]
    /// The moving averages of ranges, by names of scales, and how those follow.
    private(set) var averages: [ValueName: (bounds: ClosedRange<Float>, encoding: RangeEncoding)] = [:]
    /// What rounding takes of the outputs, where that is known.
    private(set) var noises = RoundingNoises()
    private(set) var weightScales: [(name: ValueName, site: WeightSite, parameters: QuantizationParameters)] = []

    /// Whether scales are powers of two.
    var hasPowersOfTwo: Bool { weightScales.contains { $0.parameters.isPowerOfTwo } }

    /// Calibrates and inserts.
    init(
        _ arithmetic: IntegerArithmetic, _ calibration: CalibrationChoice, _ choice: WeightChoice, graph: Graph,
        avoiding taken: Set<ValueName> = [], context: PassContext
    ) throws {
        let layers = try CalibratedLayers(arithmetic, calibration, choice, graph: graph, context: context)
        try self.init(layers, layers.plan(), avoiding: taken)
    }

    /// Inserts what a plan says.
    init(_ layers: CalibratedLayers, _ plan: QuantizationPlan, avoiding taken: Set<ValueName> = []) throws {
        (graph, findings, noises) = (layers.graph, plan.floats, layers.noises)
        guard !plan.sites.isEmpty else { return }
        var insertion = QDQInsertion(graph, avoiding: taken)
        let index = GraphIndex(graph)
        for group in plan.groups {
            guard let first = group.values.first, let parameters = layers.parameters[first] else { continue }
            let extents = graph.infos[first]?.extents?.dropFirst().map { $0.value ?? 1 } ?? []
            let scale = insertion.quantize(group, parameters, onlyForReaders: !layers.arithmetic.hasKernels) { plan.integerReaders(of: $0) }
            if !layers.isDefined(first, in: plan, index) {
                activationScales.append((scale, extents.reduce(1, *), parameters.codes.upperBound))
                activations[scale] = (parameters, layers.arithmetic.encoding(of: parameters))
                averages[scale] = layers.observed[first]?.average.map { ($0, layers.arithmetic.encoding(of: parameters)) }
            }
            findings.append(Self.finding(first, layers.observed[first], parameters, noise: layers.noises.values[first]))
        }
        let arithmetic = layers.arithmetic
        for site in plan.sites {
            guard let (parameters, reason) = try layers.weightParameters(of: site) else { continue }
            if let reason { findings.append(Finding(site.node.name, .fellBack, reason: reason)) }
            weightScales.append((insertion.quantize(site, parameters), site, parameters))
        }
        for sites in Dictionary(grouping: plan.sites, by: \.tensor).sorted(by: { $0.key < $1.key }).map(\.value) {
            insertion.redirectOtherReaders(of: sites) { [graph] value in
                guard let weight = graph.constantValue(of: value), weight.elementType == .float32 else { return nil }
                return arithmetic.inner.weights.parameters(for: weight, channelAxis: 0).parameters
            }
        }
        let rounded = layers.rounded.filter { tensor, _ in plan.sites.contains { $0.tensor == tensor } }
        graph = try insertion.apply()
        if !rounded.isEmpty { graph = try graph.settingInitializers(rounded.mapValues(\.values)) }
    }

    mutating func note(_ findings: [Finding]) { self.findings += findings }

    private static func finding(
        _ value: ValueName, _ observed: ObservedRange?, _ parameters: QuantizationParameters, noise: Double?
    ) -> Finding {
        let range = observed?.whole ?? 0...0
        var reason = "\(parameters.elementType), scale \(parameters.scales[0]), zero point \(parameters.zeroPoints[0])"
        var codes = Finding.Codes(parameters)
        if let histogram = observed?.histogram {
            let (error, power) = (histogram.squaredError(of: parameters), histogram.meanSquare)
            if error > 0, power > 0 { reason += String(format: ", SQNR %.1f dB", 10 * log10(power / error)) }
            codes.signal = error > 0 ? Finding.Codes.decibels(power / error) : nil
            codes.clippedPart = histogram.clippedPart(of: parameters)
            reason += String(format: ", %.4g %% clipped", 100 * histogram.clippedPart(of: parameters))
        }
        codes.outputNoise = noise.flatMap(Finding.Codes.decibels)
        if let noise, noise > 0 { reason += String(format: ", noise at the outputs %.1f dB", 10 * log10(noise)) }
        guard range.lowerBound < range.upperBound else {
            let number = range.lowerBound
            let reason = "was \(number) alone on the calibration data, which says nothing of its range"
            return Finding(value, .fellBack, .rangeWidth, before: 0, reason: reason)
        }
        var finding = Finding(
            value, .done, .rangeWidth, before: Double(range.upperBound) - Double(range.lowerBound),
            after: Double(parameters.scales[0]) * Double(parameters.codes.count - 1), reason: reason)
        finding.codes = codes
        return finding
    }
}
