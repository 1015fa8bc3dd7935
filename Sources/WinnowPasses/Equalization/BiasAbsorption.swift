import Foundation
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Whether high biases go on to the layers behind, and what tells how much of them may.
public enum BiasAbsorption: String, HyperparameterChoice, Codable {
    case none
    /// mean − 3σ of the BatchNormalization that was folded into the layer.
    case normalizations
    /// The least number of the channel over calibration data.
    case data
}

/// What the numbers of each channel exceed, and what is said of it; nil: that is not known, for this reason.
typealias ChannelFloors = [String: (floors: [Double]?, remark: String)]

extension Graph {
    /// The graph in which each layer gives what its channels always exceed, c ≥ 0, to the biases of its readers:
    /// b₁ ← b₁ − c, b₂ ← b₂ + W₂·c. As f(x − c) + c = f(x) of a Relu where x ≥ c, it computes the same there, with activations
    /// in a narrower range (Nagel et al. 2019, section 4.1.3).
    func absorbing(_ floors: ChannelFloors, of all: [ScalableChannels], acceptsPadding: Bool) throws -> PassResult {
        let index = GraphIndex(self)
        var (findings, shifts, order): ([Finding], [String: [Double]], [WeightSite]) = ([], [:], [])
        func add(_ shift: [Double], to site: WeightSite) {
            if let known = shifts[site.node.name] {
                shifts[site.node.name] = zip(known, shift).map { $0 + $1 }
            } else {
                shifts[site.node.name] = shift
                order.append(site)
            }
        }
        for channels in all {
            guard case .layer(let contraction) = channels.source else { continue }
            let name = channels.node.input(2) ?? channels.node.name
            let found = floors[channels.node.name]
            let unknown = found?.floors == nil ? found?.remark : nil
            if let reason = channels.objectionToShifts(in: index, acceptsPadding: acceptsPadding) ?? unknown {
                findings.append(Finding(name, .skipped, reason: "its bias is not absorbed: \(reason)"))
                continue
            }
            guard let found, let own = found.floors, own.count == channels.count else { continue }
            let taken = own.map { max($0, 0) }
            guard taken.contains(where: { $0 > 0 }) else { continue }
            add(taken.map { -$0 }, to: contraction.site)
            for reader in channels.readers { add(reader.outputs(of: taken, in: self), to: reader.contraction.site) }
            let before = initializers[name].map { Double($0.largestMagnitude) }
            let count = "\(taken.count { $0 > 0 }) of \(taken.count) channels"
            let words = "gave what they exceed, up to \(Float(taken.max() ?? 0)), to the layers behind"
            findings.append(Finding(name, .done, .largestMagnitude, before: before, reason: "\(count) \(words); \(found.remark)"))
        }
        var names = FreshNames(self)
        let edits = order.compactMap { site in index.addingToBias(of: site, shifts[site.node.name] ?? [], &names) }
        let result = try edits.isEmpty ? self : applying(edits)
        let settled = findings.map { finding -> Finding in
            guard finding.status == .done, finding.before != nil else { return finding }
            var changed = finding
            changed.after = result.initializers[finding.subject].map { Double($0.largestMagnitude) }
            return changed
        }
        return PassResult(graph: result, findings: settled)
    }
}

extension ScalableChannels.Reader {
    /// W·c of each output, over inputs and taps.
    fileprivate func outputs(of numbers: [Double], in graph: Graph) -> [Double] {
        let stored = graph.initializers[contraction.site.tensor]
        let weight = contraction.matrix(of: stored?.converted(to: .float32) ?? Tensor([Float]()))
        return (0..<weight.rows).map { row in
            (0..<weight.columns).reduce(0) {
                $0 + Double(weight[row, $1]) * numbers[contraction.input(row: row, column: $1) / width]
            }
        }
    }
}

extension ScalableChannels {
    /// Why a number that is taken from a channel does not come out at its readers as it is.
    fileprivate func objectionToShifts(in index: GraphIndex, acceptsPadding: Bool) -> String? {
        guard case .layer(let contraction) = source else { return "no layer makes it" }
        let sites = [contraction.site] + readers.map(\.contraction.site)
        for site in sites {
            guard index.takesBias(site) else { return "\(site.node.name) has no bias of its own, and takes none" }
            guard site.node.op.hasNoFactors else { return "\(site.node.name) has an alpha or beta" }
        }
        for site in sites.dropFirst() where !acceptsPadding {
            let isWhole = (site.node.op as? any SlidingContraction)?.seesAllTaps ?? true
            guard isWhole else { return "\(site.node.name) pads with zeros, which have no part of it (absorb-padded)" }
        }
        let ends = Set(readers.map(\.contraction.site.node.name))
        var values = [node.output(0)]
        while let value = values.popLast() {
            for reader in index.consumers(of: value) where !ends.contains(reader.name) {
                guard reader.passesShifts(above: 0, in: index) else { return "\(reader.name) (\(reader.op.type)) changes it" }
                values.append(reader.output(0))
            }
        }
        return nil
    }
}

extension Node {
    /// Whether what is taken from numbers that stay above a bound comes out as it is.
    fileprivate func passesShifts(above bound: Double, in index: GraphIndex) -> Bool {
        if op.passesShifts { return true }
        guard case .between(let limits)? = op.passing(of: self, in: index) else { return false }
        return limits.lowerBound <= bound && limits.upperBound >= Double(Float.greatestFiniteMagnitude)
    }
}

extension [ScalableChannels] {
    /// The least number of every channel over calibration data.
    func leastNumbers(in graph: Graph, _ context: PassContext, sampleCount: Int) throws -> ChannelFloors {
        var statistics = Statistics()
        for channels in self { statistics.request(ChannelMinima(axis: channels.axis), of: channels.node.outputs[0]) }
        guard !statistics.isEmpty else { return [:] }
        try statistics.gather(in: graph, context: context, sampleCount: sampleCount)
        let found = map { channels -> (String, (floors: [Double]?, remark: String)) in
            let minima = statistics[channels.node.outputs[0], ChannelMinima.self]?.minima ?? []
            guard minima.count == channels.count && minima.allSatisfy(\.isFinite) else {
                return (channels.node.name, (nil, "the data tells nothing of it"))
            }
            return (channels.node.name, (minima.map(Double.init), "no number of the data is below"))
        }
        return ChannelFloors(found, uniquingKeysWith: { first, _ in first })
    }

    /// β − 3·|γ| of the BatchNormalization that made the channels in the model before, by what they were divided by since.
    func normalizedLeast(in graph: Graph, from original: Graph, divided factors: [String: [Float]]) throws -> ChannelFloors {
        let folded = try FoldBatchNorm()(original.foldingMasks()).graph
        let index = GraphIndex(original)
        let found = map { channels -> (String, (floors: [Double]?, remark: String)) in
            guard case .layer(let contraction) = channels.source, let normalization = index.producer(of: channels.node.output(0)),
                let op = normalization.op as? BatchNormalization, !op.isMarkedTraining,
                let scale = index.constant(normalization.input(1))?.doubles(),
                let shift = index.constant(normalization.input(2))?.doubles(),
                scale.count == channels.count, shift.count == channels.count
            else { return (channels.node.name, (nil, "no BatchNormalization of the model before tells its mean")) }
            let tensor = contraction.site.tensor
            guard folded.initializers[tensor] == graph.initializers[tensor] else {
                return (channels.node.name, (nil, "\(tensor) is not as its BatchNormalization left it: use absorb-biases data"))
            }
            let divisors = factors[channels.node.name] ?? scale.map { _ in 1 }
            let floors = scale.indices.map { (shift[$0] - 3 * scale[$0].magnitude) / Double(divisors[$0]) }
            return (channels.node.name, (floors, "0.13 % of normally distributed numbers are below"))
        }
        return ChannelFloors(found, uniquingKeysWith: { first, _ in first })
    }
}
