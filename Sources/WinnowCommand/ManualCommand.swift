import ArgumentParser
import Foundation
import Winnow

/// Writes the manual pages; `make install` asks for it.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Writes manual pages, one for each command.", discussion: "winnow manual share/man/man1",
        shouldDisplay: false)

    @Argument(help: "The folder to write winnow.1, winnow-quantize.1 and the others to.") var folder: String

    func run() throws {
        let pages = try ManualPages.all
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, text) in pages { try text.write(toFile: "\(folder)/\(name).1", atomically: true, encoding: .utf8) }
        } catch { throw WinnowError(.file, folder, "cannot be written", remedy: "choose another folder") }
    }
}

/// Manual pages of the command tree, as `man` reads them.
enum ManualPages {
    /// What the argument parser tells of its commands.
    private struct Tool: Decodable { let command: Command }

    private struct Command: Decodable {
        let commandName: String
        let shouldDisplay: Bool?
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String
        }

        let kind: String
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let abstract: String?
        let isOptional: Bool
        let isRepeating: Bool
    }

    /// Every page with its name: `winnow-quantize`.
    static var all: [(name: String, text: String)] {
        get throws {
            let root = try JSONDecoder().decode(Tool.self, from: Data(WinnowProgram._dumpHelp().utf8)).command
            let commands = (root.subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
            return [("winnow", page(of: root, "winnow", listing: commands))]
                + commands.map { ("winnow-\($0.commandName)", page(of: $0, "winnow-\($0.commandName)", listing: [])) }
        }
    }

    private static func page(of command: Command, _ name: String, listing commands: [Command]) -> String {
        let call = name.replacing("-", with: " ", maxReplacements: 1)
        let arguments = (command.arguments ?? []).filter { $0.names?.contains { $0.name == "help" } != true }
        let places = arguments.filter { $0.kind == "positional" }
        let options = arguments.filter { $0.kind != "positional" }
        var lines = [".TH \"\(name.uppercased())\" 1 \"\" \"winnow \(Platform.programVersion)\" \"Winnow\"", ".SH NAME"]
        lines.append("\(escaped(name)) \\- \(escaped(command.abstract ?? ""))")
        lines += [".SH SYNOPSIS", ".B \(escaped(call))"]
        lines.append(commands.isEmpty ? (["[options]"] + places.map(synopsis)).joined(separator: " ") : "command [options]")
        if let discussion = command.discussion, !discussion.isEmpty { lines += [".SH DESCRIPTION", ".nf", escaped(discussion), ".fi"] }
        if !places.isEmpty { lines += [".SH ARGUMENTS"] + places.flatMap(entry) }
        if !options.isEmpty { lines += [".SH OPTIONS"] + options.flatMap(entry) }
        if !commands.isEmpty {
            lines.append(".SH COMMANDS")
            for command in commands { lines += [".TP", ".BR winnow\\-\(command.commandName) (1)", escaped(command.abstract ?? "")] }
        } else {
            lines += [".SH SEE ALSO", ".BR winnow (1)"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func synopsis(_ argument: Argument) -> String {
        let name = "<\(argument.valueName ?? "")>\(argument.isRepeating ? "..." : "")"
        return argument.isOptional ? "[\(name)]" : name
    }

    private static func entry(_ argument: Argument) -> [String] {
        let names = (argument.names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }
        let value = argument.kind == "flag" ? "" : "<\(argument.valueName ?? "")>"
        let head = names.isEmpty ? value : names.joined(separator: ", ") + (value.isEmpty ? "" : " \(value)")
        let usual = argument.defaultValue.map { " Default: \($0)." } ?? ""
        return [".TP", "\\fB\(escaped(head))\\fR", escaped((argument.abstract ?? "") + usual)]
    }

    /// Text in which `man` takes nothing for a request.
    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\e").replacing("-", with: "\\-").split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix(".") || line.hasPrefix("'") ? "\\&\(line)" : String(line)
        }.joined(separator: "\n")
    }
}
