import Foundation
public import WinnowEngine
import WinnowTensor

/// A shell command that prints a number for a model's ONNX file, whose path takes the place of `{model}` in it.
public struct ModelProgram: Sendable, CustomStringConvertible {
    public let command: String

    package static let modelPlace = "{model}"

    /// Throws `.usage` naming `option` for a command without `{model}`.
    public init(_ command: String, for option: String) throws {
        self.command = command
        guard command.contains(Self.modelPlace) else {
            throw WinnowError(
                .usage, option, "\(command) has no \(Self.modelPlace) in it", remedy: "write for example 'python score.py \(Self.modelPlace)'")
        }
    }

    public var description: String { command }

    /// The last number that the command prints.
    ///
    /// Throws `.data` where it fails (with what it said) or prints no number, `.cancelled` where a stop is asked for meanwhile.
    public func number(of model: Model, _ cancellation: Cancellation? = nil) throws -> Double {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false) } catch {
            throw WinnowError(.file, folder.path, "cannot be made", remedy: NamelessFile.remedy)
        }
        let path = folder.appendingPathComponent("model.onnx").path
        try model.writeTemporarily(to: path)
        let quoted = "'\(path.replacingOccurrences(of: "'", with: "'\\''"))'"
        let run = ProgramRun(command.replacingOccurrences(of: Self.modelPlace, with: quoted), named: command, in: folder)
        return try run.number(unless: cancellation)
    }
}

/// One run of a shell command whose last number counts; what it prints goes to files, which no program can be held up by.
private struct ProgramRun {
    private let command: String
    private let name: String
    private let output: URL
    private let errors: URL

    init(_ command: String, named name: String, in folder: URL) {
        (self.command, self.name) = (command, name)
        (output, errors) = (folder.appendingPathComponent("output"), folder.appendingPathComponent("errors"))
    }

    private static let secondsBetweenLooks = 0.02
    /// What a program may print of either kind.
    private static let largestOutput = 1 << 26

    func number(unless cancellation: Cancellation?) throws -> Double {
        guard let process = ShellProcess(command, output: output, errors: errors) else { throw problem("cannot be started") }
        try wait(for: process, unless: cancellation)
        return try lastNumber(of: text(of: output))
    }

    /// Waits for the end of the shell, not of what it has started. Throws where it fails.
    private func wait(for process: ShellProcess, unless cancellation: Cancellation?) throws {
        while true {
            switch process.state {
            case .done: return
            case .failed(let how): throw problem("ended with \(how)\(said)", remedy: "run it by hand on an ONNX file")
            case .running: break
            }
            if cancellation?.isCancelled == true { process.end() }
            try cancellation?.check("program \(name)")
            for file in [output, errors] where size(of: file) > Self.largestOutput {
                process.end()
                throw problem("prints more than \(Self.largestOutput >> 20) MB", remedy: "let it print its number alone")
            }
            Thread.sleep(forTimeInterval: Self.secondsBetweenLooks)
        }
    }

    private func size(of file: URL) -> Int { (try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int) ?? 0 }

    private func lastNumber(of text: String) throws -> Double {
        let words = text.split(whereSeparator: { $0.isWhitespace || ":=%".contains($0) })
        for word in words.reversed() {
            if word.wholeMatch(of: /[-+]?\d+,\d+/) != nil {
                throw problem("prints \(word), which may be one number or two", remedy: "write the decimal point as a period")
            }
            guard let number = word.split(separator: ",").compactMap({ Double($0) }).last else { continue }
            guard number.isFinite else { throw problem("prints \(number), which judges nothing") }
            return number
        }
        throw problem("prints no number\(said)", remedy: "its last number counts")
    }

    private func problem(_ problem: String, remedy: String = "") -> WinnowError {
        WinnowError(.data, "program \(name)", problem, remedy: remedy)
    }

    private func text(of file: URL) -> String { String(decoding: (try? Data(contentsOf: file)) ?? Data(), as: UTF8.self) }

    /// The end of what it wrote to its standard error.
    private var said: String {
        let lines = text(of: errors).split(separator: "\n").suffix(3)
        return lines.isEmpty ? "" : ": \(lines.joined(separator: " | "))"
    }
}
