import Foundation
public import WinnowEngine
import WinnowPasses
import WinnowTensor

extension Judge {
    /// A metric as users name it: one of Winnow's, or a command with `{model}` in it that prints a number for that file.
    ///
    /// - Parameter isLowerBetter: whether the number of a command should be low.
    /// Throws `.usage` for a name that is no metric.
    public static func named(_ text: String, isLowerBetter: Bool = false) throws -> Judge {
        if text.contains(modelPlace) { return program(text, isHigherBetter: !isLowerBetter) }
        guard let metric = MetricCatalogue.all.first(where: { $0.name == text }) else {
            throw WinnowError(
                .usage, "--metric", "\(text) is no metric",
                remedy: "\(Spelling.remedy(for: text, among: MetricCatalogue.all.map { $0.name })); or a command with \(modelPlace) in it")
        }
        return Judge(metric)
    }

    private static let modelPlace = "{model}"

    /// The last number that a shell command prints for a model's ONNX file, whose path takes the place of `{model}`.
    ///
    /// Measuring throws `.data` where the command fails (with what it said) or prints no number. The samples given are not looked at: the
    /// command has its own.
    public static func program(_ command: String, isHigherBetter: Bool = true) -> Judge {
        Judge(command, isHigherBetter: isHigherBetter) { model, _ in
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false) } catch {
                throw WinnowError(.file, folder.path, "cannot be made", remedy: "give room for temporary files")
            }
            let path = folder.appendingPathComponent("model.onnx").path
            try model.write(to: path)
            let quoted = "'\(path.replacingOccurrences(of: "'", with: "'\\''"))'"
            return try number(of: command.replacingOccurrences(of: modelPlace, with: quoted), named: command)
        }
    }

    private static func number(of command: String, named name: String) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        do { try process.run() } catch { throw WinnowError(.data, "metric \(name)", "cannot be started") }
        // Both are read at once: a full pipe would hold the program up.
        let said = ErrorText()
        errors.fileHandleForReading.readabilityHandler = { said.add($0.availableData) }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        errors.fileHandleForReading.readabilityHandler = nil
        said.add(errors.fileHandleForReading.availableData)
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let how = process.terminationReason == .exit ? "exit code" : "signal"
            throw WinnowError(.data, "metric \(name)", "ended with \(how) \(process.terminationStatus)\(said.words)", remedy: "run it by hand on an ONNX file")
        }
        let numbers = text.split(whereSeparator: { $0.isWhitespace || ",:=%".contains($0) }).compactMap { Double($0) }
        guard let number = numbers.last else {
            throw WinnowError(.data, "metric \(name)", "prints no number\(said.words)", remedy: "its last number counts")
        }
        guard number.isFinite else { throw WinnowError(.data, "metric \(name)", "prints \(number), which judges nothing") }
        return number
    }
}

/// The end of what a program wrote to its standard error.
private final class ErrorText: @unchecked Sendable {
    private let lock = NSLock()
    private var data = Data()

    func add(_ more: Data) {
        lock.lock()
        defer { lock.unlock() }
        data = (data + more).suffix(4096)
    }

    var words: String {
        lock.lock()
        defer { lock.unlock() }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        return lines.isEmpty ? "" : ": \(lines.suffix(3).joined(separator: " | "))"
    }
}
