import Foundation

/// A program with its arguments, run to its end.
struct Command {
    struct Failure: Error, CustomStringConvertible { var description: String }

    private let path: String
    private let arguments: [String]

    init(_ path: String, _ arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }

    /// Runs it without showing what it prints; throws what it said where it fails.
    func run() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        let words = Pipe()
        process.standardError = words
        try process.run()
        let said = words.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: String(decoding: said.suffix(200), as: UTF8.self)) }
    }

    /// The processor's milliseconds it takes, of all its threads, user and system.
    func processorMilliseconds() throws -> Double {
        let before = Self.childrenMilliseconds
        try run()
        return Self.childrenMilliseconds - before
    }

    /// Of the children that have ended.
    private static var childrenMilliseconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
        return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
    }

    private static func milliseconds(_ time: timeval) -> Double { 1000 * Double(time.tv_sec) + Double(time.tv_usec) / 1000 }
}
