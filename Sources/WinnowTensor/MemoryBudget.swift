import Foundation
import Synchronization

/// The memory that what a file asks for may take: tensors, plans, unpacked archives.
///
/// One request is checked at a time. What lies mapped from files does not count.
public enum MemoryBudget {
    /// The bytes that one request may take; by default three quarters of what the machine or the control group has.
    public static var byteCount: Int {
        get { bytes.load(ordering: .relaxed) }
        set { bytes.store(newValue, ordering: .relaxed) }
    }

    private static let bytes = Atomic<Int>(available / 4 * 3)

    /// Throws if so many bytes are more than the budget has; `subject` asks for them.
    package static func check(_ byteCount: Int, for subject: String, remedy: String = "give smaller inputs") throws {
        guard byteCount > Self.byteCount else { return }
        throw WinnowError(
            .shape, subject, "needs \(text(byteCount)), more than the \(text(Self.byteCount)) that --memory allows", remedy: remedy)
    }

    private static func text(_ byteCount: Int) -> String {
        byteCount >= 10 << 20 ? "\(byteCount >> 20) MiB" : byteCount >= 10 << 10 ? "\(byteCount >> 10) KiB" : "\(byteCount) bytes"
    }

    /// The machine's memory or the least limit of the control groups the process is in.
    private static var available: Int {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        return ([machine] + groupLimits.filter { $0 > 0 }).min() ?? machine
    }

    /// The limits of the process's control groups, version 1 and 2, and of the groups around them.
    private static var groupLimits: [Int] {
        let lines = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8))?.split(separator: "\n") ?? []
        return lines.flatMap { line -> [Int] in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return [] }
            if parts[1].isEmpty { return limits(in: "/sys/fs/cgroup", path: String(parts[2]), file: "memory.max") }
            guard parts[1].split(separator: ",").contains("memory") else { return [] }
            return limits(in: "/sys/fs/cgroup/memory", path: String(parts[2]), file: "memory.limit_in_bytes")
        }
    }

    private static func limits(in root: String, path: String, file: String) -> [Int] {
        var folders = path.split(separator: "/")
        var found: [Int] = []
        while true {
            let name = ([root] + folders.map(String.init) + [file]).joined(separator: "/")
            let text = try? String(contentsOfFile: name, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
            if let limit = text.flatMap(Int.init) { found.append(limit) }
            if folders.popLast() == nil { return found }
        }
    }
}
