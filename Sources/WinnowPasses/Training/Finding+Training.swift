package import WinnowGraph
import WinnowKernels
import WinnowTensor
package import WinnowTraining

extension [Finding] {
    /// What became of every weight of `original`, in its order: what `noted` says of it, or else how far training moved it.
    package static func ofTraining(_ original: Graph, to trained: Graph, noted: [Finding]) -> [Finding] {
        var ledger = WeightLedger(original)
        for finding in noted { ledger.note(finding) }
        for name in original.weightTensors where !ledger.has(name) { ledger.note(.trained(name, from: original, to: trained)) }
        return ledger.findings { _ in "" }
    }

    /// What stayed as it was because of a node after it: the loss cannot be differentiated through it, or it runs between plans.
    package static func untrained(_ result: TrainingResult) -> [Finding] {
        result.obstacles.sorted { $0.key < $1.key }.map { name, node in
            Finding(name, .skipped, reason: "node \(node.name) (\(node.op.type)) after it cannot be differentiated")
        }
            + result.held.sorted { $0.key < $1.key }.map { name, node in
                Finding(name, .skipped, reason: "stays as it is: \(node.op.type) \(node.name) behind it runs between plans")
            }
    }
}

extension Finding {
    /// How far training moved a tensor, or why it did not.
    static func trained(_ name: ValueName, from old: Graph, to new: Graph) -> Finding {
        guard let before = old.initializers[name] else { return Finding(name, .kept, reason: "is gone") }
        guard let after = new.initializers[name], after.shape == before.shape else {
            return Finding(name, .done, reason: "another pass replaced it")
        }
        guard before == after else { return Finding(name, .done, .relativeChange, after: before.relativeError(of: after)) }
        if before.elementType != .float32 { return Finding(name, .skipped, reason: "it is \(before.elementType): training leaves that as it is") }
        if let reason = before.finiteness { return Finding(name, .kept, reason: reason) }
        return Finding(name, .kept, reason: old.constantNames.contains(name) ? "its file has it as a constant" : "training left it as it was")
    }
}
