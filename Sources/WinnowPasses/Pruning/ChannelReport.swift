import WinnowGraph
import WinnowTensor

/// What structured pruning has to say of every weight tensor: what became of it first, else why nothing did.
struct ChannelReport {
    private let graph: Graph
    private let weights: [ChannelWeight]
    private let leavesBodiesAlone: Bool
    /// Why a weight stays whose channels may go.
    private let nothing: String
    private var kept: [ValueName: String] = [:]
    private var skipped: [ValueName: String] = [:]
    private var fallbacks: [(tensor: ValueName, reason: String)] = []
    /// Why weights lose no channels that were to lose some.
    private var limits: [ValueName: String] = [:]
    /// Whether the budget counts what is left of the whole model, whichever weight it comes from.
    private let countsTheWhole: Bool

    init(_ graph: Graph, _ weights: [ChannelWeight], _ limits: ChannelBudget) {
        self.graph = graph
        self.weights = weights
        leavesBodiesAlone = !limits.holdForEachGraph
        nothing = limits.reasonForNothing
        countsTheWhole = limits.cost != nil
    }

    /// Notes why a weight was not meant to lose channels.
    mutating func keep(_ weight: ChannelWeight, _ reason: String) { kept[weight.tensor] = kept[weight.tensor] ?? reason }

    /// Notes why a weight could not lose channels.
    mutating func skip(_ weight: ChannelWeight, _ reason: String) { skipped[weight.tensor] = skipped[weight.tensor] ?? reason }

    /// Notes that a weight's channels were ranked by something else than what was asked for.
    mutating func fallBack(_ weight: ChannelWeight, _ reason: String) { fallbacks.append((weight.tensor, reason)) }

    /// Notes why weights lose no channels of a group that was to lose some.
    mutating func limit(_ weights: [ChannelWeight], _ reason: String) {
        for weight in weights { limits[weight.tensor] = limits[weight.tensor] ?? reason }
    }

    func findings(
        for result: Graph, removing channels: [Int: Set<Int>], _ coupling: CouplingGroups, removed: Bool
    ) -> [Finding] {
        var ledger = WeightLedger(graph, includesBodies: leavesBodiesAlone)
        for weight in weights where !ledger.has(weight.tensor) {
            let reason = kept[weight.tensor] ?? skipped[weight.tensor]
            if let (before, after) = counts(of: weight.tensor, coupling, channels, removed ? result : nil) {
                let quantity: Quantity = removed ? .outputChannels : .unmaskedChannels
                ledger.note(Finding(weight.tensor, .done, quantity, before: Double(before), after: Double(after), reason: reason ?? ""))
            } else if let finding = coupled(weight.tensor, result, reason) {
                ledger.note(finding)
            } else if let reason = kept[weight.tensor] {
                ledger.keep(weight.tensor, reason)
            } else if let reason {
                ledger.skip(weight.tensor, reason)
            } else if limits[weight.tensor] == nil || countsTheWhole {
                ledger.keep(weight.tensor, limits[weight.tensor] ?? nothing)
            }
        }
        for (tensor, reason) in limits.sorted(by: { $0.key < $1.key }) where !countsTheWhole {
            ledger.note(Finding(tensor, .fellBack, reason: reason))
        }
        for name in graph.weightTensors where !ledger.has(name) {
            if let finding = coupled(name, result, nil) { ledger.note(finding) }
        }
        let single = graph.constantsOfSingleBodies
        for site in graph.capturedWeightSites where !leavesBodiesAlone && !ledger.has(site.tensor) {
            let holder = site.holder ?? ""
            if single[site.tensor] != nil { ledger.keep(site.tensor, "only a body of \(holder) reads it"); continue }
            ledger.skip(site.tensor, "a body of \(holder) reads it, and so does something else")
        }
        for (tensor, reason) in fallbacks { ledger.note(Finding(tensor, .fellBack, reason: reason)) }
        return ledger.findings { _ in "none of its channels was to be removed" }
    }

    /// The places along the axis of a tensor's channels before and after, of the first reader for which some go.
    private func counts(
        of tensor: ValueName, _ coupling: CouplingGroups, _ channels: [Int: Set<Int>], _ shrunk: Graph?
    ) -> (before: Int, after: Int)? {
        for weight in weights where weight.tensor == tensor {
            guard let axis = weight.axis,
                let places = coupling.removedPlaces(of: weight.operand, axis: axis, removing: channels),
                let before = graph.initializers[tensor]?.shape
            else { continue }
            let kept = places.count { !$0 }
            let after = shrunk.map { $0.initializers[tensor]?.shape ?? before }
            // What is read may be made from a tensor of other extents.
            let isItsOwn = before.extents.indices.contains { axis in
                before[axis] == places.count && (after.map { $0.rank == before.rank && $0[axis] == kept } ?? true)
            }
            if isItsOwn { return (places.count, kept) }
        }
        return nil
    }

    /// What became of a tensor whose own channels stay.
    private func coupled(_ name: ValueName, _ result: Graph, _ reason: String?) -> Finding? {
        guard let before = graph.initializers[name], let after = result.initializers[name], before != after else { return nil }
        let why = "coupled to removed channels\(reason.map { "; its own stay: \($0)" } ?? "")"
        guard before.shape == after.shape else {
            return Finding(
                name, .done, .elements, before: Double(before.elementCount), after: Double(after.elementCount), reason: why)
        }
        return Finding(name, .done, .sparsity, before: before.sparsity, after: after.sparsity, reason: why)
    }
}
