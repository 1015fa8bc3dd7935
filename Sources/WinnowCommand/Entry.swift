import ArgumentParser
import Foundation
import Winnow

/// The `winnow` program: parses, runs one command, words errors and sets the exit code (2 usage, 1 any other failure).
@main
enum Entry {
    static func main() {
        Interruption.install()
        do {
            try WinnowProgram.checkName(in: CommandLine.arguments.dropFirst())
            var command = try WinnowProgram.parseAsRoot()
            try command.run()
            // What was printed may still be on its way to a device that is full.
            guard fflush(nil) == 0 else {
                throw WinnowError(.file, "standard output", "cannot be written", remedy: "free some space")
            }
        } catch let error as WinnowError {
            fail("winnow: \(error.descriptionWithGuide)", error.kind == .cancelled ? Interruption.exitCode ?? error.exitCode : error.exitCode)
        } catch let code as ExitCode {
            fflush(nil)
            exit(code.rawValue)
        } catch {
            let message = WinnowProgram.fullMessage(for: error)
            let isHelp = WinnowProgram.exitCode(for: error) == .success
            if isHelp { print(([message] + WinnowProgram.hiddenHelp(behind: message)).joined(separator: "\n")); exit(0) }
            fail(message, WinnowProgram.exitCode(for: error) == .validationFailure ? 2 : 1)
        }
    }

    private static func fail(_ message: String, _ code: Int32) -> Never {
        ProgressLine.clear()
        FileHandle.standardError.write(Data((message + "\n").utf8))
        exit(code)
    }
}

struct WinnowProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "winnow",
        abstract: "Makes trained ONNX networks smaller and faster, and proves what was lost and won.",
        discussion: """
            winnow compress model.onnx --data images/ --max-drop 0.5 -o small.onnx
            winnow quantize model.onnx
            """,
        version: Platform.programVersion,
        groupedSubcommands: [
            CommandGroup(
                name: "Compress",
                subcommands: [
                    CompressCommand.self, PickCommand.self, QuantizeCommand.self, PruneCommand.self, FactorizeCommand.self, DistillCommand.self,
                    ShrinkCommand.self, FinetuneCommand.self, ExportCommand.self,
                ]),
            CommandGroup(
                name: "Recipe", subcommands: [RunCommand.self, CheckCommand.self, ApplyCommand.self, PassesCommand.self, SensitivityCommand.self]),
            CommandGroup(
                name: "Measure", subcommands: [EvaluateCommand.self, CompareCommand.self, BenchmarkCommand.self, ReportCommand.self]),
            CommandGroup(
                name: "Model",
                subcommands: [
                    InspectCommand.self, DiffCommand.self, InferCommand.self, NewCommand.self, TrainCommand.self, ConformanceCommand.self,
                    ManualCommand.self,
                ]),
        ])

    /// How the options are seen that the help of a command leaves out; nothing where it leaves out none, and behind what is no such help.
    static func hiddenHelp(behind message: String) -> [String] {
        func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
        let own = trimmed(message)
        let shown = configuration.subcommands.first { trimmed(helpMessage(for: $0, includeHidden: false)) == own }
        guard let shown, trimmed(helpMessage(for: shown, includeHidden: true)) != own else { return [] }
        return ["Further options: winnow \(shown.configuration.commandName ?? "") --help-hidden"]
    }

    /// Throws `.usage` for the name of a command that there is not, to run or to explain.
    static func checkName(in arguments: ArraySlice<String>) throws {
        let names = configuration.subcommands.compactMap { $0.configuration.commandName }
        let name = arguments.first == "help" ? arguments.dropFirst().first : arguments.first
        guard let name, !name.hasPrefix("-"), name != "help", !names.contains(name) else { return }
        throw Program.unknown(command: name, among: names)
    }
}
