/// The pieces of the report page.
enum HTML {
    static func escape(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            default: String(character)
            }
        }.joined()
    }

    /// A table; numbers are to the right, and so is every column but the first unless `numbers` says which.
    static func table(_ header: [String], _ rows: [[String]], numbers: Set<Int>? = nil) -> String {
        func cells(_ tag: String, _ texts: [String]) -> String {
            texts.enumerated().map { column, text in
                "<\(tag)\(numbers?.contains(column) == true ? " class='n'" : "")>\(escape(text))</\(tag)>"
            }.joined()
        }
        let head = cells("th", header)
        let body = rows.map { "<tr>\(cells("td", $0))</tr>" }.joined(separator: "\n")
        return "<div class='scroll'><table\(numbers == nil ? "" : " class='findings'")><thead><tr>\(head)</tr></thead><tbody>\n\(body)\n</tbody></table></div>"
    }

    static let style = """
        :root { color-scheme: light dark; --ink: #1c2126; --paper: #fff; --soft: #66707a; --line: #dde2e6; --accent: #0b6e4f; \
        --warm: #b4541a; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #15181b; --soft: #98a2ab; --line: #30363c; \
        --accent: #4cc295; --warm: #ec9a5f; } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px; \
        margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin-top: 2.2rem; \
        border-bottom: 1px solid var(--line); padding-bottom: .3rem } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
        .soft { color: var(--soft) } .warn { color: var(--warm) }
        .cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 } .card { border: 1px solid var(--line); \
        border-radius: 8px; padding: .7rem 1.1rem; min-width: 9rem } .card b { display: block; font-size: 1.6rem } \
        .gain b { color: var(--accent) } .loss b { color: var(--warm) }
        .scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; \
        font-size: .9rem } th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); \
        white-space: nowrap } th:first-child, td:first-child { text-align: left } th { color: var(--soft); font-weight: 600 }
        td:last-child, th:last-child { white-space: normal } .findings th:not(.n), .findings td:not(.n) { text-align: left }
        svg text { font-size: 11px; fill: var(--soft) } .chart { max-width: 720px; width: 100% } .grid { stroke: var(--line) }
        .bound { stroke: var(--warm); stroke-dasharray: 5 4 } .series { fill: none; stroke: var(--accent); stroke-width: 2 }
        .point { fill: var(--accent) } .hollow { fill: var(--paper); stroke: var(--warm); stroke-width: 2 }
        .map { width: 100% } .heat { fill: var(--warm) } .cool { fill: var(--accent) }
        .bars rect { fill: var(--accent) } .grids { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); \
        gap: 1rem } figure { margin: 0 } figcaption { font-size: .8rem; color: var(--soft) } code { font-size: .85rem }
        details summary { cursor: pointer; margin: .5rem 0 }
        """
}
