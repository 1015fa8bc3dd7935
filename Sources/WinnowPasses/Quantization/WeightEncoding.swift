package import WinnowGraph
package import WinnowTensor

/// Passes that store weights in fewer bits and leave activations alone: which weights, and what becomes of each.
package struct WeightEncoding {
    /// The graph with masks folded.
    package let graph: Graph
    package private(set) var ledger: WeightLedger
    /// The weights to encode, each once, float32.
    package private(set) var sites: [WeightSite] = []

    package init(_ original: Graph, only: [String], except: [String]) throws {
        graph = try original.foldingMasks()
        ledger = WeightLedger(original)
        let selection = try Selection(only: only, except: except, in: original)
        var seen: Set<ValueName> = []
        for site in graph.weightSites where seen.insert(site.tensor).inserted {
            if let reason = selection.reason(against: site) {
                ledger.keep(site.tensor, reason)
            } else if site.isQuantized || graph.initializers[site.tensor]?.elementType != .float32 {
                ledger.skip(site.tensor, "it is not float32 any more")
            } else {
                sites.append(site)
            }
        }
    }

    /// Stores every site's weight as integers behind a DequantizeLinear. `reason` tells why the parameters are milder than
    /// asked for; nil if they are not.
    package mutating func storeIntegers(
        _ parameters: (WeightSite, Tensor) -> (QuantizationParameters, reason: String?)
    ) throws -> PassResult {
        var insertion = QDQInsertion(graph)
        for site in sites {
            guard let weight = graph.initializers[site.tensor] else { continue }
            let (chosen, reason) = parameters(site, weight)
            insertion.quantize(site, chosen)
            if let reason { ledger.note(Finding(site.tensor, .fellBack, "element size", reason: reason)) }
        }
        let (stored, findings) = try insertion.apply().storingIntegers(biases: false)
        for finding in findings { ledger.note(finding) }
        return PassResult(graph: stored, findings: self.findings)
    }

    package mutating func note(_ finding: Finding) { ledger.note(finding) }

    package var findings: [Finding] { ledger.findings { _ in "is no weight that data is multiplied with" } }
}
