import Synchronization
import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file of ours that becomes another once it is complete.
///
/// Where the file system can, it has no name until then: a process that is killed leaves nothing behind. Elsewhere it has a
/// name that no other file had, `.winnow-` and 16 random digits, short enough whatever the target is called.
final class TemporaryFile {
    let descriptor: Int32
    private let folder: String
    /// nil while it has no name.
    private var name: String?
    /// The files that are being written, and the paths of those that have a name.
    static let unfinished = Mutex((count: 0, paths: Set<String>()))

    /// - Parameter path: what errors speak of.
    init(beside target: String, for path: String) throws {
        let folder = FilePath.folder(of: target)
        self.folder = folder
        #if os(Linux)
        // O_TMPFILE, which is a macro Swift does not see. It gets its name through /proc.
        let unnamed = FilePath.exists("/proc/self/fd") ? open(folder, 0o20000000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC, 0o666) : -1
        if unnamed >= 0 {
            descriptor = unnamed
            Self.unfinished.withLock { $0.count += 1 }
            return
        }
        #endif
        while true {
            let name = Self.freshName()
            let named = Self.unfinished.withLock { unfinished in
                let named = open("\(folder)/\(name)", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o666)
                guard named >= 0 else { return named }
                unfinished.count += 1
                unfinished.paths.insert("\(folder)/\(name)")
                return named
            }
            if named < 0, errno == EEXIST { continue }
            guard named >= 0 else { throw WinnowError.file(path, "cannot be written", errno) }
            descriptor = named
            self.name = name
            return
        }
    }

    private static func freshName() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return ".winnow-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Lets the file take the place of `target`, in one step.
    func rename(to target: String, for path: String) throws {
        let isRenamed = Self.unfinished.withLock { unfinished in
            #if os(Linux)
            while name == nil {
                let name = Self.freshName()
                if linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, "\(folder)/\(name)", AT_SYMLINK_FOLLOW) == 0 {
                    self.name = name
                } else if errno != EEXIST {
                    return false
                }
            }
            #endif
            guard let name else { return false }
            let own = "\(folder)/\(name)"
            guard Self.rename(own, target) == 0 else { return false }
            unfinished.paths.remove(own)
            self.name = nil
            return true
        }
        guard isRenamed else { throw WinnowError.file(path, "cannot be written", errno) }
    }

    private static func rename(_ old: String, _ new: String) -> Int32 {
        #if canImport(Glibc)
        Glibc.rename(old, new)
        #else
        Darwin.rename(old, new)
        #endif
    }

    /// Closes the file and removes it where it is still ours.
    func close() {
        Self.unfinished.withLock { unfinished in
            unfinished.count -= 1
            guard let name else { return }
            unlink("\(folder)/\(name)")
            unfinished.paths.remove("\(folder)/\(name)")
        }
        name = nil
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }
}
