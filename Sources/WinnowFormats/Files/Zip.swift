import WinnowTensor

/// Sizes of zip archives.
package enum Zip {
    /// The bytes of a zip archive (deflate, level 9) of these files, entries without their names: a file is as large whatever it is called.
    package static func byteCount(ofFiles paths: [String]) throws -> Int {
        var total = 0
        var zip = ZipWriter { total += $0.count }
        for path in paths {
            try MappedFile(path).withUnsafeBytes { try zip.add("", $0, .deflated) }
        }
        try zip.finish()
        return total
    }
}
