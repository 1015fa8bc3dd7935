import Foundation
import WinnowPasses
package import WinnowTensor

/// The frame of a program of one's own around Winnow.
public enum Program {
    /// Does `work`; an error becomes one sentence on standard error and the exit code, 2 for wrong usage and 1 for all else.
    public static func run(_ work: () throws -> Void) {
        do { try work() } catch { fail(error) }
    }

    /// The same for work that is awaited.
    public static func run(_ work: () async throws -> Void) async {
        do { try await work() } catch { fail(error) }
    }

    private static func fail(_ error: any Error) -> Never {
        FileHandle.standardError.write(Data("\(error)\n".utf8))
        exit((error as? WinnowError)?.exitCode ?? 1)
    }

    /// What to say of a command that there is not.
    package static func unknown(command: String, among commands: [String]) -> WinnowError {
        WinnowError(.usage, command, "there is no such command", remedy: Spelling.remedy(for: command, among: commands))
    }
}
