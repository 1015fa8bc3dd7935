import Foundation
import Winnow

/// A process that answers tasks; it waits, without computing, while others work.
final class Worker {
    private let process = Process()
    private let tasks = Pipe()
    private let answers = Pipe()
    let contestant: Contestant

    init(_ contestant: Contestant, threads: Int) throws {
        self.contestant = contestant
        let command = contestant.command + ["--threads", "\(threads)"]
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = tasks
        process.standardOutput = answers
        try process.run()
    }

    deinit {
        try? tasks.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func answer(_ task: Task) throws -> Answer {
        tasks.fileHandleForWriting.write(try JSONEncoder().encode(task) + Data("\n".utf8))
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let byte = try answers.fileHandleForReading.read(upToCount: 1) ?? Data()
            guard !byte.isEmpty else { return Answer(error: "the worker ended") }
            line += byte
        }
        return try JSONDecoder().decode(Answer.self, from: line)
    }
}
