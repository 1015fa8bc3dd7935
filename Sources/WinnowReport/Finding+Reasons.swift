public import WinnowPasses

extension [Finding] {
    private static var reasonLimit: Int { 8 }

    /// A line for every reason why findings have this status, what keeps layers from integers first, then the commonest:
    /// `a, b and 17 others: kept (it is small)`.
    public func reasons(for status: Finding.Status) -> [String] {
        var subjects: [String: [String]] = [:]
        for finding in self where finding.status == status { subjects[finding.reason, default: []].append(finding.subject) }
        let whole = Set(filter { $0.quantity == .integerLayers }.map(\.reason))
        let groups = subjects.sorted {
            whole.contains($0.key) == whole.contains($1.key) ? ($1.value.count, $0.key) < ($0.value.count, $1.key) : whole.contains($0.key)
        }
        let lines = groups.prefix(Self.reasonLimit).map { reason, subjects in
            let others = subjects.count - 2
            let names = subjects.prefix(2).joined(separator: others > 0 ? ", " : " and ") + (others > 0 ? " and \(others) more" : "")
            return "\(names): \(status.rawValue)\(reason.isEmpty ? "" : " (\(reason))")"
        }
        let left = groups.dropFirst(Self.reasonLimit).reduce(0) { $0 + $1.value.count }
        return lines + (left > 0 ? ["\(left) more \(status.rawValue); --verbose lists them"] : [])
    }

    /// That none of the layers which could became integers; nil where some did, or nobody asked for them.
    package var withoutIntegers: String? {
        last { $0.quantity == .integerLayers && $0.after == 0 }?.before.map { "none of \(Int($0)) layers became integers" }
    }

    /// What training went by, where nobody said it.
    var objectives: [String] { filter { $0.quantity == .objective }.map(\.reason) }

    /// What was not done, and where nothing was, why.
    var undone: [String] {
        let silent = contains { $0.status == .done } ? [] : reasons(for: .kept)
        return reasons(for: .skipped) + reasons(for: .fellBack) + silent
    }
}
