/// A self-contained page: nothing is loaded from anywhere, and without its script it can still be read.
struct Page {
    struct Section {
        var title: String
        var html: String
    }

    var title: String
    /// What a reader wants to know first, as one sentence.
    var headline: String
    /// What follows the headline.
    var lead = ""
    var sections: [Section]

    /// What marks pages that may be replaced.
    static let mark = "<meta name=\"generator\" content=\"winnow\">"

    var html: String {
        let shown = sections.filter { !$0.html.isEmpty }
        let links = shown.enumerated().map { "<li><a href='#s\($0)'>\(HTML.escape($1.title))</a></li>" }.joined()
        let parts = shown.enumerated().map { index, section in
            "<section aria-labelledby='s\(index)'><h2 id='s\(index)'>\(HTML.escape(section.title))</h2>\(section.html)</section>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            \(Self.mark)<title>\(HTML.escape(title))</title><style>\(Self.style)</style></head><body>
            <header><h1>\(HTML.escape(title))</h1>\(headline.isEmpty ? "" : HTML.paragraph(headline, "headline"))</header>
            \(shown.count > 1 ? "<nav aria-label='Sections'><ul>\(links)</ul></nav>" : "")
            <main>\(lead)
            \(parts.joined(separator: "\n"))
            </main>
            <script>\(Self.script)</script></body></html>
            """
    }
}
