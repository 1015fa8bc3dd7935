/// The pieces of pages.
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

    /// The text that `escape` made this of.
    static func unescape(_ html: String) -> String {
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")].reduce(html) { $0.replacing($1.0, with: $1.1) }
    }

    /// A table that the page's script sorts and filters; `caption` is what it is called aloud. Numbers are to the right, and so is every
    /// column but the first unless `numbers` says which. Columns that hold nothing are left out.
    static func table(_ caption: String, _ header: [String], _ rows: [[Cell]], numbers: Set<Int>? = nil) -> String {
        let filled = header.indices.filter { column in column == 0 || rows.isEmpty || rows.contains { !["", "–"].contains($0[column].text) } }
        guard filled.count == header.count else {
            let places = numbers.map { numbers in Set(filled.indices.filter { numbers.contains(filled[$0]) }) }
            return table(caption, filled.map { header[$0] }, rows.map { row in filled.map { row[$0] } }, numbers: places)
        }
        func kind(_ column: Int) -> String { numbers?.contains(column) == true ? " class='n'" : "" }
        let head = header.enumerated().map { "<th scope='col'\(kind($0))>\(escape($1))</th>" }.joined()
        let body = rows.map { cells in
            "<tr>\(cells.enumerated().map { column, cell in cell.html(isHeader: column == 0, kind(column)) }.joined())</tr>"
        }.joined(separator: "\n")
        return """
            <div class='scroll' role='region' aria-label='\(escape(caption)), table' tabindex='0'>\
            <table aria-label='\(escape(caption))'\(numbers == nil ? "" : " class='findings'")><thead><tr>\(head)</tr></thead><tbody>
            \(body)
            </tbody></table></div>
            """
    }

    static func table(_ caption: String, _ header: [String], _ rows: [[String]], numbers: Set<Int>? = nil) -> String {
        table(caption, header, rows.map { $0.map { Cell($0) } }, numbers: numbers)
    }

    static func paragraph(_ text: String, _ kind: String = "") -> String { "<p\(kind.isEmpty ? "" : " class='\(kind)'")>\(escape(text))</p>" }

    /// Text as it was typed.
    static func listing(_ text: String, _ caption: String) -> String {
        "<pre tabindex='0' role='region' aria-label='\(escape(caption))'>\(escape(text))</pre>"
    }
}

/// What stands in a cell of a table.
struct Cell: ExpressibleByStringInterpolation {
    var text: String
    /// What it is sorted by; nil: its text.
    var value: Double?
    /// The part of the cell that a bar fills, 0 to 1.
    var bar: Double?
    /// The page it leads to.
    var link: String?

    init(_ text: String, _ value: Double? = nil, bar: Double? = nil, link: String? = nil) {
        (self.text, self.bar, self.link) = (text, bar, link)
        self.value = value ?? Self.number(text)
    }

    init(stringLiteral text: String) { self.init(text) }

    /// The number that a text is, with groups of digits and `%` or not.
    private static func number(_ text: String) -> Double? {
        let plain = text.replacing(",", with: "").replacing("−", with: "-")
        let digits = plain.prefix { "+-.0123456789".contains($0) }
        let rest = plain.dropFirst(digits.count)
        return rest.isEmpty || rest.hasPrefix(" %") ? Double(digits) : nil
    }

    func html(isHeader: Bool, _ kind: String) -> String {
        let tag = isHeader ? "th" : "td"
        let sorting = value.map { " data-v='\($0)'" } ?? ""
        let filling = bar.map { " data-bar style='--bar:\(Format.number(100 * $0, 1))%'" } ?? ""
        let words = link.map { "<a href='\(HTML.escape($0))'>\(HTML.escape(text))</a>" } ?? HTML.escape(text)
        return "<\(tag)\(isHeader ? " scope='row'" : "")\(kind)\(sorting)\(filling)>\(words)</\(tag)>"
    }
}
