import Foundation
import Winnow

/// A process that answers tasks; it waits, without computing, while others work.
final class Worker {
    private var process = Process()
    private var tasks = Pipe()
    private var answers = Pipe()
    private let command: [String]
    let contestant: Contestant

    init(_ contestant: Contestant, threads: Int) throws {
        self.contestant = contestant
        command = contestant.command + ["--threads", "\(threads)"]
        try start()
    }

    private func start() throws {
        (process, tasks, answers) = (Process(), Pipe(), Pipe())
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
        // One that a task brought down starts anew for the next.
        if !process.isRunning { try start() }
        tasks.fileHandleForWriting.write(try JSONEncoder().encode(task) + Data("\n".utf8))
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let byte = try answers.fileHandleForReading.read(upToCount: 1) ?? Data()
            guard !byte.isEmpty else {
                process.waitUntilExit()
                return Answer(error: "the worker ended")
            }
            line += byte
        }
        return try JSONDecoder().decode(Answer.self, from: line)
    }
}
