extension Report {
    /// What became of the nodes, as a list in the order of data that folds what has changed little, and the operators that came and went.
    var graphSection: String {
        guard let first = models.first, let last = models.last, models.count > 1 else { return "" }
        return (GraphComparison(first, last).map { $0.rows.isEmpty ? "" : $0.html } ?? "") + operatorTable(first, last)
    }

    /// How many nodes of every operator came and went.
    private func operatorTable(_ first: ModelMeasurement, _ last: ModelMeasurement) -> String {
        guard let before = first.operators, let after = last.operators else { return "" }
        let names = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
        guard !names.isEmpty else { return "" }
        let rows = names.map { name in [name] + [before[name] ?? 0, after[name] ?? 0].map(String.init) }
        return "<h3>Operators that came and went</h3>" + HTML.table("Nodes by operator", ["operator", "nodes before", "nodes after"], rows)
    }
}

extension GraphComparison {
    /// Fewer rows than this are shown unfolded where something in them has changed.
    private static let openLimit = 40
    /// Branches further to the side than this are set in no further.
    fileprivate static let laneLimit = 5

    fileprivate var html: String {
        let most = rows.flatMap { [$0.beforeBytes, $0.afterBytes] }.compactMap { $0 }.max() ?? 0
        var last: String?
        let items = parts.map { part -> String in
            let own = part.map { row -> String in
                defer { if row.changes != [.removed] { last = row.name } }
                return row.html(after: last, most: most)
            }
            guard part.count > 1 else { return own.joined() }
            let isOpen = rows.count <= Self.openLimit && part.contains { !$0.changes.isEmpty }
            return "<li class='run'><details\(isOpen ? " open" : "")><summary>\(HTML.escape(Self.summary(of: part)))</summary>"
                + "<ol role='list'>\(own.joined())</ol></details></li>"
        }
        let kept = rows.count { $0.changes.isEmpty }
        let remark = "Nodes in the order of data, branches set in: \(rows.count - kept) changed, \(kept) unchanged. "
            + "What makes codes of floats and floats of codes is told at the layers it stands around. Bars are bytes of weights, before above after."
        return HTML.paragraph(remark, "soft")
            + "<div class='scroll graph' role='region' aria-label='Nodes before and after' tabindex='0'><ol role='list'>\(items.joined(separator: "\n"))</ol></div>"
    }
}

extension GraphComparison.Row {
    fileprivate var beforeBytes: Int? { before?.byteCount }
    fileprivate var afterBytes: Int? { after.isEmpty ? nil : after.reduce(0) { $0 + $1.byteCount } }

    /// One item of the list; `last` is the node listed before it, `most` the bytes that fill a bar.
    fileprivate func html(after last: String?, most: Int) -> String {
        let kind = changes.isEmpty ? "same" : changes == [.removed] ? "gone" : changes == [.added] ? "new" : "changed"
        let marks = changes.map { "<span class='mark'>\(HTML.escape($0.text))</span>" }.joined(separator: " ")
        // The line goes on from the item above unless it says otherwise.
        let reads = sources.isEmpty || sources == [last] ? "" : "<span class='soft'>follows \(HTML.escape(sources.joined(separator: ", ")))</span>"
        return "<li class='\(kind)' style='--lane:\(min(lane, GraphComparison.laneLimit))'><b>\(HTML.escape(operatorName))</b> "
            + "<span class='name'>\(HTML.escape(name))</span> \(marks) \(reads)\(bytes(most))</li>"
    }

    private func bytes(_ most: Int) -> String {
        let counts = [beforeBytes, afterBytes]
        guard most > 0, counts.contains(where: { $0 != nil }), !changes.isEmpty else { return "" }
        let bars = counts.map { count in "<i style='--bar:\(Format.number(100 * Double(count ?? 0) / Double(most), 1))%'></i>" }
        let text = counts.compactMap { $0.map(Format.bytes) }
        let words = text.count == 2 && text[0] == text[1] ? text[0] : text.joined(separator: " → ")
        return "<span class='bytes'>\(HTML.escape(words))<span class='meter' aria-hidden='true'>\(bars.joined())</span></span>"
    }
}
