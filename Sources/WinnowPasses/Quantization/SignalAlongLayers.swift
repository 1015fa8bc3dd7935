import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What is left of a model's signal on its way through layers that compute on codes.
struct SignalAlongLayers {
    /// By value, the SQNR in dB of what the coded model makes of samples; missing where both models give the same, or one has no such value.
    private(set) var decibels: [ValueName: Double] = [:]

    /// Runs both models over samples, a batch of one at a time, as all these values are kept at once.
    init(_ values: [ValueName], of original: Graph, in coded: Graph, on samples: Dataset) throws {
        let computed = [original, coded].map { graph in
            Set(graph.nodes.flatMap(\.outputs).filter { graph.infos[$0]?.elementType == .float32 && graph.infos[$0]?.type.isTensor == true })
        }
        let names = Set(values).filter { value in computed.allSatisfy { $0.contains(value) } }.sorted()
        guard !names.isEmpty else { return }
        let sessions = try [original, coded].map { try Session($0.giving(names)) }
        var sums = names.map { _ in PairSums() }
        for batch in samples.batches(of: 1, for: original) {
            let plans = try sessions.map { try $0.plan(for: batch, of: samples) }
            for plan in plans { try plan.execute() }
            for (place, name) in names.enumerated() {
                guard let own = plans[0].output(name), let other = plans[1].output(name) else { continue }
                sums[place].add(other, from: own)
            }
        }
        for (name, sum) in zip(names, sums) where sum.noise > 0 { decibels[name] = Finding.Codes.decibels(sum.squares.a / sum.noise) }
    }
}

extension CalibratedLayers {
    /// Samples behind the signal along layers.
    private static let signalSamples = 8

    /// Findings about codes with what is left of the signal behind each layer, and what rounding its weight takes of the outputs.
    func tellingSignal(in findings: [Finding], of pairs: QuantizationPairs, _ context: PassContext) -> [Finding] {
        let sites = Dictionary(grouping: pairs.weightScales.map(\.site), by: \.tensor)
        let values = plan().groups.compactMap(\.values.first) + sites.values.joined().compactMap { $0.node.output(0) }
        // What cannot be run to be looked into is not told of.
        let samples = try? context.calibrationData(for: graph).drawn(Self.signalSamples, seed: context.seed)
        let signal = samples.flatMap { try? SignalAlongLayers(values, of: graph, in: pairs.graph, on: $0).decibels } ?? [:]
        return findings.map { finding in
            guard var codes = finding.codes else { return finding }
            var finding = finding
            if let own = sites[finding.subject] {
                codes.signalSoFar = own.compactMap { $0.node.output(0).flatMap { signal[$0] } }.min()
                // What was predicted is that of 8 bits.
                let noises = weightBits == 8 ? own.compactMap { pairs.noises.weights[$0.node.name] } : []
                codes.outputNoise = noises.max().flatMap(Finding.Codes.decibels)
            } else {
                codes.signalSoFar = signal[finding.subject]
            }
            finding.codes = codes
            return finding
        }
    }
}
