import WinnowTensor

/// Finds tensors in the files beside a model; each file is mapped once.
final class ExternalDataReader {
    private let folder: String?
    private var files: [String: MappedFile] = [:]

    init(folder: String?) { self.folder = folder }

    func tensor(_ entries: [String: String], shape: Shape, _ elementType: ElementType, subject: String) throws -> Tensor {
        let file = try file(at: entries["location"] ?? "", subject: subject)
        let count = elementType.byteCount(of: shape.elementCount)
        let offset = try number(entries["offset"], "offset", subject) ?? 0
        let length = try number(entries["length"], "length", subject) ?? count
        guard length == count else {
            throw WinnowError(
                .model, subject, "\(elementType)[\(shape)] takes \(count) bytes, but its external data has \(length)")
        }
        do { return try file.tensor(at: offset, shape: shape, elementType) } catch let error as WinnowError {
            throw error.within(subject)
        }
    }

    private func file(at location: String, subject: String) throws -> MappedFile {
        guard let folder else {
            throw WinnowError(
                .model, subject, "lies in an external file, but the model is not in a file itself",
                remedy: "read it from its file")
        }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.isEmpty, !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\0") else {
            throw WinnowError(
                .model, subject, "its external location \"\(location)\" is not inside the model's folder",
                remedy: "only relative paths without .. are followed")
        }
        if let file = files[location] { return file }
        let file: MappedFile
        do { file = try MappedFile("\(folder)/\(location)") } catch let error as WinnowError {
            throw error.within(subject)
        }
        files[location] = file
        return file
    }

    private func number(_ text: String?, _ key: String, _ subject: String) throws -> Int? {
        guard let text else { return nil }
        guard let value = Int(text), value >= 0 else {
            throw WinnowError(.model, subject, "the \(key) \"\(text)\" of its external data is not a number of bytes")
        }
        return value
    }
}

/// Lays tensors out in one file beside a model, then streams them there.
final class ExternalDataWriter {
    /// Tensors start on a page, so that readers can map them.
    static let alignment = 4096

    let name: String
    let minimumByteCount: Int
    private(set) var tensors: [Tensor] = []
    private var byteCount = 0

    init(name: String, minimumByteCount: Int) {
        self.name = name
        self.minimumByteCount = minimumByteCount
    }

    /// Takes a tensor in and says where it will be; nil if it is too small to be worth it.
    func place(_ tensor: Tensor) -> [(key: String, value: String)]? {
        guard tensor.byteCount >= minimumByteCount else { return nil }
        let offset = (byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
        tensors.append(tensor)
        byteCount = offset + tensor.byteCount
        return [("location", name), ("offset", "\(offset)"), ("length", "\(tensor.byteCount)")]
    }

    func write(beside path: String) throws {
        try AtomicFile.write(to: "\(FilePath.folder(of: path))/\(name)") { sink in
            for tensor in tensors {
                try sink.pad(to: Self.alignment)
                try tensor.withUnsafeBytes { try sink.write($0) }
            }
        }
    }
}
