import WinnowEngine
package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// A weight that a pass works on.
package struct WeightTarget: Sendable {
    /// The initializer's name.
    package let tensor: ValueName
    /// As the file has it.
    package let stored: Tensor
    /// Every layer that multiplies with it, those in control-flow bodies too.
    package let sites: [WeightSite]
    /// Whether the data of every layer is limited to numbers above 0.
    package var meetsNoNegatives = false

    /// The numbers as float32.
    package var values: Tensor { stored.converted(to: .float32) }

    /// Whether all that reads it looks rows up, and multiplies no data with them.
    var isLookedUp: Bool { sites.allSatisfy { $0.node.lookedUpInput == $0.inputIndex && !$0.isMultiplied } }

    /// The axis whose indices are output channels, to the first layer that tells.
    package var channelAxis: Int? { sites.lazy.compactMap(\.outputAxis).first }

    /// The axis that the same layer sums over.
    package var inputAxis: Int? { sites.lazy.filter { $0.outputAxis != nil }.map(\.summedAxis).first ?? nil }
}

/// Which tables are weights to a pass, of those whose rows are looked up.
package enum LookedUpTables: Sendable {
    case none
    /// Those whose rows data is multiplied with.
    case multiplied
    case all
}

/// The weights of one graph that a pass works on: each once, with all its layers; and what becomes of the rest.
package struct WeightTargets {
    package let graph: Graph
    /// Names for what is added.
    package var names: FreshNames
    package private(set) var targets: [WeightTarget] = []
    /// Whether the graph is the body of a node, which does not run by itself.
    package let isBody: Bool
    private let selection: Selection
    private let leavesBodiesAlone: Bool
    private var ledger: WeightLedger

    /// - Parameters:
    ///   - tables: which tables whose rows are looked up are weights too.
    ///   - taken: value names of the graphs around a body; nil: weights of bodies are left alone, and listed.
    ///   - objection: why a weight cannot be worked on.
    package init(
        _ graph: Graph, _ selection: Selection, tables: LookedUpTables = .none, avoiding taken: Set<ValueName>? = nil,
        objection: (WeightTarget) -> String?
    ) {
        self.graph = graph
        isBody = taken?.isEmpty == false
        names = FreshNames(graph, avoiding: taken ?? [])
        (self.selection, leavesBodiesAlone) = (selection, taken == nil)
        ledger = WeightLedger(graph, includesBodies: leavesBodiesAlone)
        let index = GraphIndex(graph)
        var sites: [ValueName: [WeightSite]] = [:]
        var order: [ValueName] = []
        let lookups = tables == .none ? [] : graph.lookupSites.filter { tables == .all || $0.isMultiplied }
        for site in graph.weightSites + graph.capturedWeightSites + lookups {
            if sites[site.tensor] == nil { order.append(site.tensor) }
            sites[site.tensor, default: []].append(site)
        }
        for name in order {
            guard let own = sites[name], let stored = graph.initializers[name] else { continue }
            let target = WeightTarget(
                tensor: name, stored: stored, sites: own, meetsNoNegatives: own.allSatisfy { index.isDataNeverNegative(of: $0) })
            if let reason = own.lazy.compactMap({ selection.reason(against: $0) }).first {
                ledger.keep(name, reason)
            } else if let reason = graph.reasonToKeep(name) ?? objection(target) {
                ledger.skip(name, reason)
            } else {
                targets.append(target)
            }
        }
        noteComputedWeights()
    }

    /// Layers whose weight is computed from constants in a way that is not looked through: palettes, sums.
    private mutating func noteComputedWeights() {
        let origins = graph.constantOrigins
        let read = Set((graph.weightSites + graph.capturedWeightSites).map(\.operand)), chosen = Set(targets.map(\.tensor))
        for node in graph.nodes {
            for case (let input, .packed(let codes)) in node.op.inputRoles {
                guard let tensor = node.input(input), graph.initializers[tensor] != nil, !ledger.has(tensor) else { continue }
                ledger.skip(tensor, "the weight of \(node.name) is stored as \(codes.bitWidth)-bit codes already\(Finding.codesRemedy)")
            }
        }
        let index = GraphIndex(graph)
        for (node, operand) in graph.productOperands where graph.initializers[operand] == nil && !read.contains(operand) {
            guard let origin = origins[operand], let largest = graph.initializers[origin] else { continue }
            // Wider integers are shapes and counters that a weight is made from.
            let isCoded = largest.elementType.isInteger && largest.elementType.bitWidth <= 16
            let sources = isCoded ? [] : index.constantSources(of: operand)
            let parts = sources.filter { graph.initializers[$0].map(\.isPartOfWeight) ?? false }
            let reason = isCoded
                ? "is stored as codes that nodes look up already\(Finding.codesRemedy)" : "is computed from it: run fold-constants first"
            for part in parts.union([origin]).sorted() where !ledger.has(part) && !chosen.contains(part) {
                ledger.skip(part, "the weight of \(node) \(reason)")
            }
        }
    }

    package mutating func note(_ finding: Finding) { ledger.note(finding) }
    package mutating func skip(_ target: WeightTarget, _ reason: String) { ledger.skip(target.tensor, reason) }
    package mutating func keep(_ target: WeightTarget, _ reason: String) { ledger.keep(target.tensor, reason) }
    package func has(_ subject: ValueName) -> Bool { ledger.has(subject) }

    package var findings: [Finding] {
        let findings = ledger.findings { _ in Finding.noWeight }
        return leavesBodiesAlone ? findings.telling(of: graph.hiddenReadings, selection) : findings
    }
}

extension Graph {
    /// What contractions multiply, with their names; of those in bodies, what they read of this graph.
    fileprivate var productOperands: [(node: String, operand: ValueName)] {
        nodes.flatMap { node in
            let own = node.op.quantization == .contraction ? node.inputs.prefix(2).map { (node: node.name, operand: $0) } : []
            return own + node.op.bodies.sorted { $0.key < $1.key }.flatMap { _, body in
                body.productOperands.filter { body.captures[$0.operand] != nil }.map { ("\(node.name)/\($0.node)", $0.operand) }
            }
        }
    }

    /// Why a tensor must stay as it is, whatever reads it.
    package func reasonToKeep(_ tensor: ValueName) -> String? {
        if outputs.contains(tensor) { return "it is an output of the model" }
        guard let stored = initializers[tensor] else { return "it is computed" }
        return stored.elementCount == 0 ? "it has no elements" : stored.finiteness
    }

    /// Why a weight cannot become codes here.
    package func reasonAgainstCoding(_ site: WeightSite) -> String? {
        guard let type = initializers[site.tensor]?.elementType else { return "it is computed" }
        if site.isQuantized { return "it is stored as \(type) codes already\(Finding.codesRemedy)" }
        if initializers[site.tensor]?.vanishes == true { return "all of its numbers are below 10⁻²⁸: steps of codes would be no normal numbers" }
        return type.storesWeights ? nil : "it is \(type) already"
    }

    /// Lets `rewrite` store weights of this graph and of every control-flow body in another form; masks are folded first, and
    /// `prepare` may bring a graph, which may be a body, to the form the rewriting wants.
    package func rewritingWeights(
        _ choice: WeightChoice, tables: LookedUpTables = .none,
        prepare: (Graph, Selection, _ isBody: Bool) throws -> Graph = { graph, _, _ in graph },
        _ rewrite: (inout WeightTargets) throws -> Graph
    ) throws -> PassResult {
        let selection = try choice.selection(in: self)
        func rewritten(_ graph: Graph, avoiding outer: Set<ValueName>) throws -> PassResult {
            let taken = outer.union(graph.infos.keys)
            let bodies = try graph.rewritingBodies { body in try rewritten(body, avoiding: taken) }
            let version = bodies.graph.metadata.version(of: "")
            let changed = try prepare(bodies.graph, selection, !outer.isEmpty)
            var targets = WeightTargets(changed, selection, tables: tables, avoiding: outer) { target in
                target.sites.lazy.compactMap { changed.reasonAgainstCoding($0) }.first
            }
            var result = try rewrite(&targets)
            result.metadata.opsets[""] = max(version, result.metadata.version(of: ""))
            return PassResult(graph: result, findings: targets.findings + bodies.findings)
        }
        let folded = try foldingMasks()
        var result = try rewritten(folded, avoiding: []).tellingOfNoWeights
        result.findings = result.findings.telling(of: folded.hiddenReadings, selection)
        return result
    }
}

extension Tensor {
    /// Whether its numbers are too small to be divided into steps, times steps of data, but not all 0.
    fileprivate var vanishes: Bool {
        func contains(_ condition: (Double) -> Bool) -> Bool { pieces.contains { doubles(in: $0).contains(where: condition) } }
        guard elementType.storesWeights, !contains({ !($0.magnitude < 1e-28) }) else { return false }
        return contains { $0 != 0 }
    }
}

extension GraphIndex {
    /// Whether no number of the data of a layer is below 0.
    fileprivate func isDataNeverNegative(of site: WeightSite) -> Bool {
        guard site.holder == nil, site.inputIndex < 2, let data = site.node.input(1 - site.inputIndex) else { return false }
        return isNeverNegative(data)
    }
}

extension Tensor {
    /// Whether it can be some of the numbers that a weight is put together from, not one that scales it.
    fileprivate var isPartOfWeight: Bool { elementType.storesWeights && elementCount > 1 }
}
