import Foundation
package import WinnowTensor

/// How many damaged things a test makes, and where it is: by the environment, for long runs.
///
/// `NAME=100000` sets the count; `WINNOW_FUZZ_SEED` says which, `WINNOW_FUZZ_FIRST` where to go on, and what is in work is in
/// the file that `WINNOW_FUZZ_ROUND` names, for when the process ends in it. Each round has random numbers of its own.
package struct Campaign: Sendable {
    package let count: Int
    /// Whether the environment asks for it, rather than that it is part of all tests.
    package let isLong: Bool
    private let name: String
    private let seed: UInt64
    private let first: Int
    private let file: String?

    package init(_ name: String, count: Int) {
        let environment = ProcessInfo.processInfo.environment
        let wanted = environment[name].flatMap(Int.init)
        self.name = name
        self.count = wanted ?? count
        isLong = wanted != nil
        seed = environment["WINNOW_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
        first = isLong ? environment["WINNOW_FUZZ_FIRST"].flatMap(Int.init) ?? 0 : 0
        file = isLong ? environment["WINNOW_FUZZ_ROUND"] : nil
    }

    package var rounds: Range<Int> { min(first, count)..<count }

    /// Notes that a round begins; its random numbers.
    package func begin(_ round: Int) throws -> RandomGenerator {
        if let file { try Data("\(round)\n".utf8).write(to: URL(fileURLWithPath: file)) }
        if isLong, round % 1000 == 0 {
            FileHandle.standardError.write(Data("\(name): seed \(seed), round \(round) of \(count), \(Date())\n".utf8))
        }
        return RandomGenerator(seed: seed, stream: UInt64(round))
    }

    package func describe(_ round: Int) -> String { "\(name): seed \(seed), round \(round)" }
}
