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

    /// - Parameter path: what errors speak of.
    init(beside target: String, for path: String) throws {
        folder = FilePath.folder(of: target)
        #if os(Linux)
        // O_TMPFILE, which is a macro Swift does not see. It gets its name through /proc.
        let unnamed = FilePath.exists("/proc/self/fd") ? open(folder, 0o20000000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC, 0o666) : -1
        if unnamed >= 0 {
            descriptor = unnamed
            return
        }
        #endif
        while true {
            let name = Self.freshName()
            let named = open("\(folder)/\(name)", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o666)
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
        #if os(Linux)
        while name == nil {
            let name = Self.freshName()
            if linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, "\(folder)/\(name)", AT_SYMLINK_FOLLOW) == 0 {
                self.name = name
            } else if errno != EEXIST {
                throw WinnowError.file(path, "cannot be written", errno)
            }
        }
        #endif
        guard let name, Self.rename("\(folder)/\(name)", target) == 0 else {
            throw WinnowError.file(path, "cannot be written", errno)
        }
        self.name = nil
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
        if let name { unlink("\(folder)/\(name)") }
        name = nil
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #else
        _ = Darwin.close(descriptor)
        #endif
    }
}
