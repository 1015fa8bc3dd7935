import Foundation
import WinnowFormats
import WinnowKernels
import WinnowTensor

/// What a latency holds for: the program, the processor, the threads.
public enum Platform {
    /// The version of this library and of `winnow`.
    public static let programVersion = ProgramVersion.current

    /// What a report names beside its times: program version, processor and threads.
    public static var environment: [String: String] {
        ["winnow": programVersion, "processor": processorName, "threads": "\(ThreadCount.current)"]
    }

    /// Sets how many threads kernels use; 0: one per core.
    public static func setThreadCount(_ count: Int) { ThreadCount.set(count) }

    /// The most threads that kernels use.
    public static var threadLimit: Int { ThreadCount.limit }

    /// Whether a file is being written: it is there when all of it is.
    public static var isWriting: Bool { AtomicFile.isWriting }

    /// Removes what has been written of unfinished files and calls `end`, which ends the program.
    public static func abandonFiles(_ end: () -> Never) -> Never { AtomicFile.abandon(end) }

    private static var processorName: String {
        #if os(Linux)
        let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
        #else
        return "\(ProcessInfo.processInfo.processorCount) cores"
        #endif
    }
}
