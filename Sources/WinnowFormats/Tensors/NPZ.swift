package import WinnowTensor

/// NumPy's archive of named arrays.
package enum NPZ {
    /// The arrays by name, but the one called `name`.
    package static func read(_ path: String, without name: String? = nil) throws -> [String: Tensor] {
        try MappedFile(path).withUnsafeBytes { bytes in
            let zip = try ZipReader(bytes, subject: path)
            var tensors: [String: Tensor] = [:]
            for entry in zip.entries where entry.name.hasSuffix(".npy") && entry.name != name.map({ "\($0).npy" }) {
                let name = String(entry.name.dropLast(4))
                tensors[name] = try zip.withContents(of: entry) { try NPY.tensor($0, subject: "\(path): \(name)") }
            }
            return tensors
        }
    }

    /// Writes the arrays in the order of their names; equal arrays give equal bytes.
    package static func write(_ tensors: [String: Tensor], to path: String, compressed: Bool = false) throws {
        try AtomicFile.write(to: path) { sink in
            var zip = ZipWriter { try sink.write($0) }
            for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
                let contents = try NPY.header(tensor, subject: "\(path): \(name)") + tensor.withUnsafeBytes { Array($0) }
                try contents.withUnsafeBytes { try zip.add(name + ".npy", $0, compressed ? .deflated : .stored) }
            }
            try zip.finish()
        }
    }
}
