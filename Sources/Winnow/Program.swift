import Foundation
import WinnowTensor

/// The frame of a program of one's own around Winnow.
public enum Program {
    /// Does `work`; an error becomes one sentence on standard error and the exit code, 2 for wrong usage and 1 for all else.
    public static func run(_ work: () throws -> Void) {
        do { try work() } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit((error as? WinnowError)?.exitCode ?? 1)
        }
    }
}
