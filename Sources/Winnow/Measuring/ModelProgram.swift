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
            throw WinnowError(.file, folder.path, "cannot be made", remedy: "give room for temporary files")
        }
        let path = folder.appendingPathComponent("model.onnx").path
        try model.write(to: path)
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

    func number(unless cancellation: Cancellation?) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.standardInput = FileHandle.nullDevice
        for file in [output, errors] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        do {
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
        } catch { throw problem("cannot be started") }
        if let failure = try failure(of: process, unless: cancellation) {
            throw problem("ended with \(failure)\(said)", remedy: "run it by hand on an ONNX file")
        }
        return try lastNumber(of: text(of: output))
    }

    /// Waits for the shell's end: `exit code 3`, `signal 9`, nil where all went well.
    ///
    /// Process itself would wait for everything that the shell has started, which may outlive it.
    private func failure(of process: Process, unless cancellation: Cancellation?) throws -> String? {
        var status: Int32 = 0
        while process.isRunning {
            if waitpid(process.processIdentifier, &status, WNOHANG) == process.processIdentifier {
                let (signal, code) = (status & 0x7F, status >> 8 & 0xFF)
                return signal != 0 ? "signal \(signal)" : code != 0 ? "exit code \(code)" : nil
            }
            if cancellation?.isCancelled == true { process.terminate() }
            try cancellation?.check("program \(name)")
            Thread.sleep(forTimeInterval: Self.secondsBetweenLooks)
        }
        guard process.terminationReason == .exit else { return "signal \(process.terminationStatus)" }
        return process.terminationStatus == 0 ? nil : "exit code \(process.terminationStatus)"
    }

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
