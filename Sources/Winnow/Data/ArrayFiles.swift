import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Named arrays of data files: in memory where all of them fit, else read where they lie when samples are asked for.
enum ArrayFiles {
    /// What holds class numbers or names.
    static let labelName = "labels"

    /// Arrays by name, but labels that are texts.
    struct Contents {
        var rows: [String: SampleRows]
        var labels: [String]?
    }

    /// What is below this is held in memory all the same: rates, grids, labels.
    private static let smallByteCount = 1 << 20

    /// The arrays of one npz, safetensors or npy file; that of an npy file has no name.
    static func contents(_ path: String) throws -> Contents {
        try contents(path, isSmall: isSmall([path]))
    }

    private static func contents(_ path: String, isSmall: Bool) throws -> Contents {
        let labels = try path.lowercased().hasSuffix(".npz") ? texts(NPZ.texts(labelName, in: path), path) : nil
        let omitted = labels == nil ? nil : labelName
        return Contents(rows: try isSmall ? inMemory(path, without: omitted) : stored(path, without: omitted), labels: labels)
    }

    /// Texts, one a sample; throws `.data` where they are more.
    private static func texts(_ array: (texts: [String], shape: Shape)?, _ path: String) throws -> [String]? {
        guard let (texts, shape) = array else { return nil }
        guard shape.rank == 1 || (shape.rank == 2 && shape[1] == 1) else {
            throw WinnowError(.data, "\(path): \(labelName)", "are texts of shape \(shape)", remedy: "give one a sample")
        }
        return texts
    }

    /// The arrays of a folder's npy files under the files' names.
    static func contents(namedIn folder: String, _ files: [String]) throws -> Contents {
        let paths = files.map { "\(folder)/\($0)" }
        let isSmall = try isSmall(paths)
        var contents = Contents(rows: [:])
        for (file, path) in zip(files, paths) {
            let name = String(file.dropLast(4))
            if name == labelName, let labels = try texts(NPY.texts(path), folder) { contents.labels = labels; continue }
            contents.rows[name] = try isSmall ? inMemory(path)[""] : stored(path)[""]
        }
        return contents
    }

    /// The arrays of shards, files with the same names in them: those of the first file, then those of the second.
    static func contents(shards paths: [String], _ unread: inout UnreadFiles) throws -> Contents {
        let sized = try paths.filter { path in try unread.reading(path) { try StoredArray.byteCount(of: path) } != nil }
        let isSmall = try isSmall(sized)
        let shards = try sized.compactMap { path in
            try unread.reading(path) { (path, contents: try contents(path, isSmall: isSmall)) }
        }
        try unread.check(of: paths.count, "files")
        guard let (first, contents) = shards.first else { return Contents(rows: [:]) }
        let wanted = contents.rows
        let labels = shards.compactMap(\.contents.labels)
        guard labels.isEmpty || labels.count == shards.count else {
            throw WinnowError(.data, first, "has labels of another kind than other files beside it", remedy: "the files of a folder are parts of one data set")
        }
        var arrays: [String: SampleRows] = [:]
        for (name, rows) in wanted {
            var parts = [rows]
            for (path, contents) in shards.dropFirst() {
                let shard = contents.rows
                guard let part = shard[name], shard.count == wanted.count else {
                    throw WinnowError(
                        .data, path, "has the arrays \(shard.keys.sorted().joined(separator: ", ")), but \(first) \(wanted.keys.sorted().joined(separator: ", "))",
                        remedy: "the files of a folder are parts of one data set")
                }
                guard part.elementType == rows.elementType, part.shape.rank > 0, part.sampleShape == rows.sampleShape else {
                    throw WinnowError(
                        .data, "\(path): \(name)", "is \(part.elementType) of samples \(part.sampleShape), but in \(first) \(rows.elementType) of \(rows.sampleShape)")
                }
                parts.append(part)
            }
            let whole = SampleRows(ConcatenatedRows(parts))
            arrays[name] = parts.count == 1 ? rows : isSmall || whole.byteCount < smallByteCount ? SampleRows(try whole.tensor()) : whole
        }
        return Contents(rows: arrays, labels: labels.isEmpty ? nil : labels.flatMap { $0 })
    }

    private static func isSmall(_ paths: [String]) throws -> Bool {
        // Arrays may be held twice while they are arranged.
        try paths.reduce(0) { $0 + (try StoredArray.byteCount(of: $1)) } <= MemoryBudget.byteCount / 2
    }

    private static func inMemory(_ path: String, without omitted: String? = nil) throws -> [String: SampleRows] {
        try Arrays.readUnnamed(path, without: omitted).mapValues { SampleRows($0) }
    }

    private static func stored(_ path: String, without omitted: String? = nil) throws -> [String: SampleRows] {
        guard let arrays = try StoredArray.arrays(of: path, without: omitted) else { return try inMemory(path, without: omitted) }
        return try arrays.mapValues { array in
            let isSmall = array.elementType.byteCount(of: array.shape.elementCount) < smallByteCount
            return isSmall || array.shape.rank == 0 ? SampleRows(try array.whole()) : SampleRows(StoredRows(array: array))
        }
    }
}

/// The rows of an array that lies in a file.
private struct StoredRows: SampleSource {
    let array: StoredArray

    var count: Int { array.shape[0] }
    var sampleShape: Shape { Shape(Array(array.shape.dropFirst())) }
    var elementType: ElementType { array.elementType }

    func sample(at row: Int) throws -> Tensor { try array.rows(row..<(row + 1)) }
}

extension SampleRows {
    fileprivate var byteCount: Int { elementType.byteCount(of: shape.elementCount) }
}
