package import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// How layers make up for what they lost, from calibration data and without training.
public struct Repairing: HyperparameterGroup {
    public enum Method: String, HyperparameterChoice, Codable {
        case none
        /// The mean of what went goes into the bias.
        case bias
        /// What is left is fitted to the layer's former outputs by least squares, and the mean that is still missing goes into
        /// the bias (He et al. 2017, equation 5, with a hundredth of the mean diagonal added).
        case ridge
    }

    @Hyperparameter("how layers make up for what they lost: its mean goes into the bias; ridge also fits what is left")
    public var repair = Method.none

    public init() {}

    package var needs: PassNeeds { repair == .none ? .nothing : .calibration }
    private static let sampleCount = 512

    /// `pruned` with the weights that lost elements since `original` repaired.
    package func repair(
        of pruned: Graph, from original: Graph, _ targets: [WeightTarget], _ context: PassContext
    ) throws -> PassResult {
        guard repair != .none else { return PassResult(graph: pruned) }
        let masks = Dictionary(pruned.maskNodes.map { ($0.weight, $0.mask) }, uniquingKeysWith: { first, _ in first })
        let losses = targets.compactMap { target -> Loss? in
            guard let before = MaskedWeight(target, in: original),
                let after = MaskedWeight(
                    target.tensor, pruned.initializers[target.tensor], mask: masks[target.tensor].flatMap { pruned.initializers[$0] }),
                before.zeroed != after.zeroed
            else { return nil }
            return Loss(target: target, former: before.zeroed, left: after.zeroed.floats().map { $0 != 0 }, stored: after)
        }
        return try repair(losses, in: pruned, from: original, context)
    }

    /// `graph` with layers repaired that lose inputs when these channels go.
    package func repair(
        of graph: Graph, losing channels: [Int: Set<Int>], _ coupling: CouplingGroups, _ context: PassContext
    ) throws -> PassResult {
        guard repair != .none, !channels.isEmpty else { return PassResult(graph: graph) }
        let targets = try WeightTargets(graph, Selection(in: graph)) { MaskedWeight.objection(to: $0.stored) }.targets
        let losses = targets.compactMap { target -> Loss? in
            guard let site = target.sites.first, let contraction = Contraction(site, in: graph),
                let rank = graph.infos[contraction.data]?.rank,
                let places = coupling.removedPlaces(of: contraction.data, axis: rank + contraction.dataAxis, removing: channels),
                let weight = MaskedWeight(target, in: graph), places.count == contraction.inputCount
            else { return nil }
            let (depth, taps) = (contraction.depth, max(1, contraction.tapCount))
            let rows = (0..<contraction.outputCount * depth).map { !places[$0 % depth / taps] }
            var left = rows
            for (index, place) in contraction.places.enumerated() { left[place] = rows[index] }
            return Loss(target: target, former: weight.zeroed, left: left, stored: weight)
        }
        // Channels are counted by the shapes that the graph has.
        return try repair(losses, in: graph, from: graph, context, keepsShapes: true)
    }

    private func repair(
        _ losses: [Loss], in graph: Graph, from original: Graph, _ context: PassContext, keepsShapes: Bool = false
    ) throws -> PassResult {
        let layers = try LayerReconstruction.gather(
            for: losses.map(\.target), in: original, context, sampleCount: Self.sampleCount)
        var result = PassResult(graph: graph)
        let index = GraphIndex(original)
        for loss in losses {
            let isOwn = loss.target.sites.count == 1 && index.owns(loss.target.sites[0])
            guard isOwn, let layer = layers[loss.target.tensor], let moment = layer.whole else {
                let reason = !isOwn ? "others read it too" : "its layer does not tell its inputs, or has too many"
                result.findings.append(Finding(loss.target.tensor, .skipped, reason: "not repaired: \(reason)"))
                continue
            }
            try repair(loss, layer.contraction, moment, keepsShapes: keepsShapes, &result)
        }
        return result
    }

    private func repair(
        _ loss: Loss, _ contraction: Contraction, _ moment: SecondMoment, keepsShapes: Bool, _ result: inout PassResult
    ) throws {
        let (former, pruned) = (contraction.matrix(of: loss.former.converted(to: .float32)), loss.pruned(contraction))
        var repaired = pruned
        if repair == .ridge {
            repaired = try moment.leastSquares(former, keeping: { pruned[$0, $1] != 0 })
            let stored = loss.stored.taking(contraction.weight(of: repaired), where: loss.left)
            result.graph = try result.graph.settingInitializers([loss.target.tensor: stored.values])
        }
        let (bias, objection) = self.bias(of: loss.target.sites[0], in: result.graph, keepsShapes: keepsShapes)
        let shift = moment.meanShift(former - repaired)
        let factor = Double(loss.target.sites[0].node.op.factors.product)
        if let bias { result.graph = try bias.shifting(by: shift.map { $0 * factor }, in: result.graph) }
        let whole = max(moment.error(of: former), .leastNormalMagnitude)
        let after = moment.error(of: former - repaired) - (bias == nil ? 0 : shift.reduce(0) { $0 + $1 * $1 })
        result.findings.append(Finding(
            loss.target.tensor, bias == nil && repair == .bias ? .skipped : .done, .layerError,
            before: (moment.error(of: former - pruned) / whole).squareRoot(), after: (max(0, after) / whole).squareRoot(),
            reason: objection ?? "repaired"))
    }

    /// The bias of a layer that takes the mean of what went, or why none does.
    private func bias(of site: WeightSite, in graph: Graph, keepsShapes: Bool) -> (bias: LayerBias?, objection: String?) {
        do {
            let bias = try LayerBias(of: site, in: GraphIndex(graph))
            guard keepsShapes && bias.isSpread else { return (bias, nil) }
            return (nil, "its bias, one number for all outputs, does not take the mean of what went")
        } catch {
            let isThere = error != .absent
            return (nil, isThere ? "nothing takes the mean of what went: \(error.rawValue)" : "\(error.rawValue) to take the mean of what went")
        }
    }
}

/// What a weight lost.
private struct Loss {
    let target: WeightTarget
    /// The weight before, zeros where it was not in use.
    let former: Tensor
    /// In storage order, what is left of it.
    let left: [Bool]
    /// The weight now, with its mask.
    let stored: MaskedWeight

    func pruned(_ contraction: Contraction) -> Matrix<Float> {
        let values = zip(stored.zeroed.floats(), left).map { $1 ? $0 : 0 }
        return contraction.matrix(of: Tensor(values, shape: former.shape))
    }
}

extension SecondMoment {
    /// The mean by which each output moves when the weight, as outputs × depth, changes by so much.
    fileprivate func meanShift(_ difference: Matrix<Float>) -> [Double] {
        (0..<difference.rows).map { row in (0..<difference.columns).reduce(0) { $0 + Double(difference[row, $1]) * mean[$1] } }
    }
}
