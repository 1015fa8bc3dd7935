import ArgumentParser
import Winnow

@main
struct Entry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "winnow-bench", abstract: "Measures Winnow beside other runtimes.", subcommands: [Compare.self, Serve.self])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch { exit(withError: error) }
    }
}
