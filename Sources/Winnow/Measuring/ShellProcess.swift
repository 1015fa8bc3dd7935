import Foundation

/// A command of the shell in a process group of its own, so that it can be ended together with all that it has started.
struct ShellProcess {
    private let identifier: pid_t

    /// Starts it; nil where that cannot be. What it prints goes to files, which no program can be held up by.
    init?(_ command: String, output: URL, errors: URL) {
        #if canImport(Darwin)
        var (actions, attributes): (posix_spawn_file_actions_t?, posix_spawnattr_t?)
        #else
        var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, file) in [(1, output), (2, errors)] as [(Int32, URL)] {
            posix_spawn_file_actions_addopen(&actions, number, file.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        // Signals that are caught or ignored here are to end it.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGPIPE, SIGXFSZ] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        let words = Self.copies(of: ["sh", "-c", command])
        let environment = Self.copies(of: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
        defer { for text in words + environment { free(text) } }
        var identifier: pid_t = 0
        guard posix_spawn(&identifier, "/bin/sh", &actions, &attributes, words + [nil], environment + [nil]) == 0 else { return nil }
        self.identifier = identifier
    }

    private static func copies(of texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } }

    /// How it is with a command, and how it ended: with `exit code 3`, `signal 9`.
    enum State {
        case running, done
        case failed(String)
    }

    /// Asked for no more once it has ended.
    var state: State {
        var status: Int32 = 0
        guard waitpid(identifier, &status, WNOHANG) == identifier else { return .running }
        let (signal, code) = (status & 0x7F, status >> 8 & 0xFF)
        return signal != 0 ? .failed("signal \(signal)") : code != 0 ? .failed("exit code \(code)") : .done
    }

    private static let looks = 50
    private static let secondsBetweenLooks = 0.01

    /// Asks it and all that it has started to end, and ends what does not.
    func end() {
        kill(-identifier, SIGTERM)
        for _ in 0..<Self.looks {
            guard case .running = state else { break }
            Thread.sleep(forTimeInterval: Self.secondsBetweenLooks)
        }
        kill(-identifier, SIGKILL)
        var status: Int32 = 0
        waitpid(identifier, &status, 0)
    }
}
