package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Collects a pass's findings and makes sure that no weight tensor is passed over in silence.
package struct WeightLedger {
    private let graph: Graph
    private let tensors: [ValueName]
    private let known: Set<ValueName>
    /// The weights of control-flow bodies, with the node that holds each.
    private let bodies: [(tensor: ValueName, holder: String)]
    /// Matrices of codes that nodes multiply with as they are, with one that does.
    private let codes: [(tensor: ValueName, reader: Node)]
    /// Inputs whose default values would be weights if they were constants.
    private let defaults: [ValueName]
    /// Why tensors are left alone that are no weights to those who read them.
    private let reasonsOfReaders: [ValueName: String]
    /// Whether nothing else looks at bodies.
    private let includesBodies: Bool
    private var findings: [ValueName: [Finding]] = [:]
    private var others: [Finding] = []

    /// - Parameter includesBodies: whether weights of control-flow bodies are listed, as left alone.
    package init(_ graph: Graph, includesBodies: Bool = true) {
        self.includesBodies = includesBodies
        self.graph = graph
        tensors = graph.weightTensors
        known = Set(tensors)
        bodies = includesBodies ? graph.bodyWeights : []
        reasonsOfReaders = graph.reasonsOfReaders(tensors, leavesBodiesAlone: includesBodies)
        codes = graph.multipliedCodes
        defaults = graph.inputs.filter { input in
            input.defaultValue.map { $0.elementType.isFloatingPoint && $0.rank > 1 } ?? false
        }.map(\.name)
    }

    /// Notes why weights are left alone that are not selected.
    mutating func keepWeights(of graph: Graph, notIn selection: Selection) {
        for site in graph.weightSites where !has(site.tensor) {
            if let reason = selection.reason(against: site) { keep(site.tensor, reason) }
        }
    }

    /// Notes a finding under its subject.
    package mutating func note(_ finding: Finding) {
        if known.contains(finding.subject) {
            findings[finding.subject, default: []].append(finding)
        } else {
            others.append(finding)
        }
    }

    /// Notes that a tensor or node was not meant to change.
    package mutating func keep(_ subject: ValueName, _ reason: String) { note(Finding(subject, .kept, reason: reason)) }

    /// Notes that a tensor or node was meant to change and could not.
    package mutating func skip(_ subject: ValueName, _ reason: String) {
        note(Finding(subject, .skipped, reason: reason))
    }

    package func has(_ subject: ValueName) -> Bool {
        findings[subject] != nil || others.contains { $0.subject == subject }
    }

    /// Everything noted, tensors in file order; tensors not noted were kept for the reason that `rest` gives. Tensors with numbers that are
    /// not finite are named, whatever became of them.
    package func findings(rest: (ValueName) -> String) -> [Finding] {
        let all = allFindings(rest)
        return all.isEmpty && includesBodies ? [.noWeights] : all
    }

    private func allFindings(_ rest: (ValueName) -> String) -> [Finding] {
        let flaws = graph.flaws
        func own(_ name: ValueName) -> [Finding] {
            let noted = findings[name] ?? []
            guard let flaw = flaws[name], !noted.contains(where: { $0.reason.contains(flaw) }) else {
                return noted.isEmpty ? [Finding(name, .kept, reason: reasonsOfReaders[name] ?? rest(name))] : noted
            }
            return noted + [Finding(name, noted.isEmpty ? .skipped : .fellBack, reason: flaw)]
        }
        return others + tensors.flatMap(own)
            + bodies.map { tensor, holder in
                Finding("\(holder)/\(tensor)", .skipped, reason: "it lies in a body of \(holder), which this pass leaves alone")
            }
            + codes.filter { !has($0.tensor) }.map { tensor, reader in
                Finding(tensor, .skipped, reason: "\(reader.name) (\(reader.op.type)) reads its codes, which this pass leaves alone\(Finding.codesRemedy)")
            }
            + defaults.filter { !has($0) }.map {
                Finding(
                    $0, .skipped,
                    reason: "it is an input with a default value; fold-constants with defaults=true makes it a constant")
            }
    }
}

extension Finding {
    /// Of a graph that a pass of weights finds nothing in.
    static let noWeights = Finding("graph", .skipped, reason: "it has no weights")

    /// What a pass that wants floats says behind what it says of codes.
    static let codesRemedy = "; the pass dequantize in front makes floats of them"

    // Why tensors are kept whose readers are no layers of theirs.
    static let noWeight = "is no weight that data is multiplied with"
    static let lookedUp = "its rows are looked up; no data is multiplied with it"
    static let lookedUpFirst = "its rows are looked up first, and then data is multiplied with them"
}

extension PassResult {
    /// The same, with a finding that there are no weights where there is no other.
    var tellingOfNoWeights: PassResult {
        var result = self
        if findings.isEmpty { result.findings = [.noWeights] }
        return result
    }
}

extension Graph {
    /// Why a pass leaves initializers alone whose rows are looked up only, and those that only bodies read.
    fileprivate func reasonsOfReaders(_ tensors: [ValueName], leavesBodiesAlone: Bool) -> [ValueName: String] {
        var lookups: Set<ValueName> = []
        var others: Set<ValueName> = []
        var holders: [ValueName: String] = [:]
        addReaders(of: Set(tensors), &lookups, &others, holder: nil, &holders)
        others.formUnion(outputs)
        let own = Set(weightSites.map(\.tensor))
        // What lies between a weight and a body, such as a mask, is a node of this graph.
        for site in capturedWeightSites where site.operand != site.tensor && !own.contains(site.tensor) && others.remove(site.tensor) != nil {
            holders[site.tensor] = site.holder
        }
        let multiplied = lookups.isEmpty ? [] : Set(lookupSites.filter(\.isMultiplied).map(\.tensor))
        var reasons: [ValueName: String] = [:]
        for tensor in tensors where !others.contains(tensor) {
            if lookups.contains(tensor) {
                reasons[tensor] = multiplied.contains(tensor)
                    ? Finding.lookedUpFirst : Finding.lookedUp
            } else if let holder = holders[tensor], leavesBodiesAlone {
                reasons[tensor] = "a body of \(holder) reads it, and this pass leaves bodies alone"
            }
        }
        return reasons
    }

    /// Sorts tensors by what reads them: Gather as its data, in `holders` the bodies of a node, or anything else.
    private func addReaders(
        of tensors: Set<ValueName>, _ lookups: inout Set<ValueName>, _ others: inout Set<ValueName>, holder: String?,
        _ holders: inout [ValueName: String]
    ) {
        for node in nodes {
            for (position, name) in node.inputs.enumerated() where tensors.contains(name) {
                if position == node.lookedUpInput {
                    lookups.insert(name)
                } else if let holder {
                    holders[name] = holders[name] ?? holder
                    lookups.remove(name)
                } else {
                    others.insert(name)
                }
            }
            for body in node.op.bodies.values {
                body.addReaders(of: tensors.intersection(body.captures.keys), &lookups, &others, holder: holder ?? node.name, &holders)
            }
        }
    }

    /// Initializers of codes that nodes read as they are and multiply with.
    fileprivate var multipliedCodes: [(tensor: ValueName, reader: Node)] {
        var readers: [ValueName: Node] = [:]
        for node in nodes where !(node.op is DequantizeLinear) {
            for (position, role) in node.op.inputRoles {
                let place: Int? =
                    switch role {
                    case .packed: position
                    case .zeroPoint(let of, _): of
                    default: nil
                    }
                guard let name = place.flatMap({ node.input($0) }), let tensor = initializers[name] else { continue }
                if !tensor.elementType.isFloatingPoint, tensor.rank > 1 { readers[name] = readers[name] ?? node }
            }
        }
        return initializerNames.compactMap { name in readers[name].map { (name, $0) } }
    }

    /// The weight tensors of control-flow bodies, bodies of bodies included.
    fileprivate var bodyWeights: [(tensor: ValueName, holder: String)] {
        nodes.flatMap { node in
            node.op.bodies.sorted { $0.key < $1.key }.flatMap { _, body in
                body.weightTensors.filter { (body.initializers[$0]?.rank ?? 0) > 1 }.map { ($0, node.name) }
                    + body.bodyWeights.map { ($0.tensor, "\(node.name)/\($0.holder)") }
            }
        }
    }
}

extension Node {
    /// The input whose rows it looks up.
    var lookedUpInput: Int? { op is Gather ? 0 : nil }
}
