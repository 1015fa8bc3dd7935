/// Rows of cells as Markdown.
struct MarkdownTable {
    var header: [String]
    var rows: [[String]]

    var text: String {
        ([header, header.map { _ in "---" }] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
