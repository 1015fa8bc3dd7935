import WinnowTensor

/// Which links a model's external data may lie behind.
package enum LinkPolicy: Sendable {
    /// Those that stay in the model's folder: a model from elsewhere can name no other file of this machine.
    case insideFolder
    /// All, as caches of model hubs need.
    case everywhere
}

/// The folder of a model, in which its external data lies.
package struct ExternalDataFolder: Sendable {
    let path: String
    let links: LinkPolicy

    package init(of model: String, links: LinkPolicy = .insideFolder) {
        path = FilePath.folder(of: model)
        self.links = links
    }

    /// The path of a location that a model names; throws where it leaves the folder.
    func path(of location: String, subject: String) throws -> String {
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.isEmpty, !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\0") else {
            throw WinnowError(
                .model, subject, "its external location \"\(location)\" is not inside the model's folder",
                remedy: "only relative paths without .. are followed")
        }
        let file = "\(path)/\(location)"
        guard links == .insideFolder, let real = FilePath.resolved(file), let folder = FilePath.resolved(path) else { return file }
        guard real == folder || folder == "/" || real.hasPrefix(folder + "/") else {
            throw WinnowError(
                .model, subject, "its external location \"\(location)\" is a link that leaves the model's folder",
                remedy: "where you trust the model, allow it with --allow-links")
        }
        return real
    }
}

/// Finds tensors in the files beside a model, each of which is mapped once, and those that a `ModelOutline` left where they lie.
final class ExternalDataReader {
    private let folder: ExternalDataFolder?
    private let message: UnsafeRawBufferPointer?
    private let mapping: TensorStorage?
    private var files: [String: MappedFile] = [:]

    /// - Parameters:
    ///   - message: the bytes of the model, which outlive the reader.
    ///   - mapping: the file that they are, if it is mapped.
    init(folder: ExternalDataFolder?, inside message: UnsafeRawBufferPointer? = nil, mapping: TensorStorage? = nil) {
        self.folder = folder
        self.message = message
        self.mapping = mapping
    }

    /// The bytes of a tensor inside the message; nil where they lie elsewhere.
    func bytes(of tensor: Onnx_TensorProto) -> UnsafeRawBufferPointer? {
        guard let message, let place = ModelOutline.place(of: tensor), place.upperBound <= message.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: message[place])
    }

    /// A tensor inside the message over the file's own bytes, where they are long and lie well at any place: codes, which kernels pack.
    func mapped(_ tensor: Onnx_TensorProto, shape: Shape, _ elementType: ElementType) -> Tensor? {
        let count = elementType.byteCount(of: shape.elementCount)
        guard let mapping, let place = ModelOutline.place(of: tensor), place.count == count, count >= 1 << 20, elementType.bitWidth <= 8,
            elementType != .bool
        else { return nil }
        return Tensor(storage: mapping, byteOffset: place.lowerBound, shape: shape, elementType)
    }

    /// Gives back what the bytes of a tensor inside the message take, once they are copied.
    func release(_ tensor: Onnx_TensorProto) {
        if let place = ModelOutline.place(of: tensor) { mapping?.releasePages(place) }
    }

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
        if let file = files[location] { return file }
        guard let folder else {
            throw WinnowError(
                .model, subject, "lies in an external file, but the model is not in a file itself",
                remedy: "read it from its file")
        }
        let path = try folder.path(of: location, subject: subject)
        let file: MappedFile
        do { file = try MappedFile(path) } catch let error as WinnowError { throw error.within(subject) }
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

extension Onnx_GraphProto {
    /// The names of the files in which tensors lie, those of bodies included.
    var externalLocations: Set<String> {
        var result = Set(initializer.compactMap(\.externalLocation))
        for sparse in sparseInitializer { result.formUnion([sparse.values, sparse.indices].compactMap(\.externalLocation)) }
        for attribute in node.lazy.flatMap(\.attribute) {
            for body in (attribute.hasG ? [attribute.g] : []) + attribute.graphs { result.formUnion(body.externalLocations) }
            result.formUnion(((attribute.hasT ? [attribute.t] : []) + attribute.tensors).compactMap(\.externalLocation))
        }
        return result
    }
}

extension Onnx_TensorProto {
    /// The file in which the elements lie; nil where they are in the message itself.
    fileprivate var externalLocation: String? {
        dataLocation == .external ? externalData.last { $0.key == "location" }?.value : nil
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
