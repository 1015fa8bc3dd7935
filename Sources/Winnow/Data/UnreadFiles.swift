import Foundation
import WinnowTensor

/// Files of samples that could not be read, to be complained of or, where they are to be skipped, told of.
struct UnreadFiles {
    let skips: Bool
    private var failures: [(file: String, error: WinnowError)] = []

    private static let namedCount = 3

    init(skips: Bool) { self.skips = skips }

    /// What `read` gives; nil, kept in mind, where the file cannot be read.
    mutating func reading<Result>(_ file: String, _ read: () throws -> Result) throws -> Result? {
        do { return try read() } catch let error as WinnowError where error.kind != .cancelled {
            failures.append((file, error))
            return nil
        }
    }

    /// Throws `.data` naming the first files and how many there are of `count`, unless they are to be skipped and others are left.
    func check(of count: Int, _ noun: String) throws {
        guard !failures.isEmpty, !skips || failures.count == count else { return }
        var error = failures[0].error
        if !skips { error.remedy += "\(error.remedy.isEmpty ? "mend" : ", or mend") \(failures.count == 1 ? "it" : "them") or give --skip-bad" }
        guard failures.count > 1 else { throw error }
        let names = failures.dropFirst().prefix(Self.namedCount - 1).map { URL(fileURLWithPath: $0.file).lastPathComponent }
        let others = failures.count - 1 > names.count ? " and \(failures.count - 1 - names.count) more" : ""
        error.problem += "; nor can \(names.joined(separator: ", "))\(others) be read, \(failures.count) of \(count) \(noun)"
        throw error
    }

    /// To follow other words; empty: all were read.
    var words: String {
        guard !failures.isEmpty else { return "" }
        let names = failures.prefix(Self.namedCount).map { URL(fileURLWithPath: $0.file).lastPathComponent }.joined(separator: ", ")
        let more = failures.count > Self.namedCount ? " and \(failures.count - Self.namedCount) more" : ""
        return "; \(failures.count) that cannot be read are left out: \(names)\(more)"
    }
}
