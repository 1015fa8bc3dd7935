#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A temporary file without a name, which is gone once it is closed.
package enum NamelessFile {
    /// The folder that has room for it: `TMPDIR`; else /var/tmp, which unlike /tmp is memory on no system.
    package static var folder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp" }

    /// What helps where there is no room.
    package static let remedy = "set TMPDIR to a folder that is there, can be written and has room"

    /// The descriptor of a new one; negative, and `errno` set, where there can be none.
    package static func opened() -> Int32 {
        var name = Array("\(folder)/winnow-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        if descriptor >= 0 { unlink(name) }
        return descriptor
    }

    /// Why none can be made or written: what `errno` says.
    package static func failure(_ code: Int32 = errno) -> WinnowError {
        WinnowError(.file, folder, "temporary files cannot be written: \(String(cString: strerror(code)).lowercased())", remedy: remedy)
    }
}
