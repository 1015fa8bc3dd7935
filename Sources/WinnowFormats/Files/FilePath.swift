import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Paths as text.
package enum FilePath {
    /// The folder a path lies in; `.` for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The path with `suffix` behind its name, which is cut where the system would not take it: what is cut off is told
    /// apart by a number made of it.
    package static func companion(of path: String, suffix: String) -> String {
        let own = name(of: path)
        guard own.utf8.count + suffix.utf8.count > Int(NAME_MAX) else { return path + suffix }
        let mark = own.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let end = "~" + String(mark, radix: 16) + suffix
        var start = ""
        for character in own {
            guard start.utf8.count + character.utf8.count + end.utf8.count <= Int(NAME_MAX) else { break }
            start.append(character)
        }
        return String(path.dropLast(own.count)) + start + end
    }

    /// The file that is meant: what a symbolic link stands for, though it may not be there yet.
    static func target(of path: String) throws -> String {
        var path = path
        for _ in 0..<40 {
            guard let link = link(at: path) else { return path }
            path = link.hasPrefix("/") ? link : "\(folder(of: path))/\(link)"
        }
        throw WinnowError.file(path, "cannot be written", ELOOP)
    }

    /// What the symbolic link at `path` says; nil where there is none.
    private static func link(at path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { bytes in
            bytes.assumingMemoryBound(to: CChar.self).baseAddress.map { readlink(path, $0, bytes.count) } ?? -1
        }
        return count < 0 ? nil : String(validating: bytes.prefix(count), as: UTF8.self)
    }

    /// The absolute path without links; nil where there is no such file.
    static func resolved(_ path: String) -> String? {
        guard let result = realpath(path, nil) else { return nil }
        defer { free(result) }
        return String(cString: result)
    }
}
