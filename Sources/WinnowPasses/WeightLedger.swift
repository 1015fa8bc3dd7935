package import WinnowGraph

/// Collects a pass's findings and makes sure that no weight tensor is passed over in silence.
package struct WeightLedger {
    private let tensors: [ValueName]
    private var findings: [ValueName: [Finding]] = [:]
    private var others: [Finding] = []

    package init(_ graph: Graph) { tensors = graph.weightTensors }

    /// Notes a finding under its subject.
    package mutating func note(_ finding: Finding) {
        if tensors.contains(finding.subject) {
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

    /// Everything noted, tensors in file order; tensors not noted were kept for the reason that `rest` gives.
    package func findings(rest: (ValueName) -> String) -> [Finding] {
        others + tensors.flatMap { findings[$0] ?? [Finding($0, .kept, reason: rest($0))] }
    }
}
