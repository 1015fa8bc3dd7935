import ArgumentParser
import Winnow

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes the index of a folder of reports.",
        discussion: """
            winnow report results/                        results/index.html, a line for every report below it
            winnow report results/small.json -o page.html
            """)

    @Argument(help: "A folder, or the JSON file that was written beside a report's page.") var source: String
    @Option(name: [.short, .long], help: "The HTML page to write; default: index.html in the folder, or the report's own page.") var output: String?
    @Flag(help: "JSON instead of text.") var json = false

    func run() throws {
        let (page, entries) = try ReportFolder().write(source, to: output)
        if json { return try printJSON(entries) }
        for entry in entries { print(entry.headline.isEmpty ? entry.title : entry.headline) }
        print("written: \(page)")
    }
}
