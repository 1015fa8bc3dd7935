public import WinnowPasses

extension [Finding] {
    private static var reasonLimit: Int { 8 }

    /// A line for every reason why findings have this status, the commonest first: `a, b and 17 others: kept (it is small)`.
    public func reasons(for status: Finding.Status) -> [String] {
        var subjects: [String: [String]] = [:]
        for finding in self where finding.status == status { subjects[finding.reason, default: []].append(finding.subject) }
        let groups = subjects.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let lines = groups.prefix(Self.reasonLimit).map { reason, subjects in
            let others = subjects.count - 2
            let names = subjects.prefix(2).joined(separator: others > 0 ? ", " : " and ") + (others > 0 ? " and \(others) more" : "")
            return "\(names): \(status.rawValue)\(reason.isEmpty ? "" : " (\(reason))")"
        }
        let left = groups.dropFirst(Self.reasonLimit).reduce(0) { $0 + $1.value.count }
        return lines + (left > 0 ? ["\(left) more \(status.rawValue); --verbose lists them"] : [])
    }

    /// What was not done, and where nothing was, why.
    var undone: [String] {
        let silent = contains { $0.status == .done } ? [] : reasons(for: .kept)
        return reasons(for: .skipped) + reasons(for: .fellBack) + silent
    }
}
