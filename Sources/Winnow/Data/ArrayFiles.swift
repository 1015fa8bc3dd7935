import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Named arrays of data files: in memory where all of them fit, else read where they lie when samples are asked for.
enum ArrayFiles {
    /// What is below this is held in memory all the same: rates, grids, labels.
    private static let smallByteCount = 1 << 20

    /// The arrays of one npz, safetensors or npy file; that of an npy file has no name.
    static func rows(_ path: String) throws -> [String: SampleRows] {
        try isSmall([path]) ? inMemory(path) : stored(path)
    }

    /// The arrays of a folder's npy files under the files' names.
    static func rows(namedIn folder: String, _ files: [String]) throws -> [String: SampleRows] {
        let paths = files.map { "\(folder)/\($0)" }
        let read = try isSmall(paths) ? inMemory : stored
        var arrays: [String: SampleRows] = [:]
        for (name, path) in zip(files, paths) { arrays[String(name.dropLast(4))] = try read(path)[""] }
        return arrays
    }

    /// The arrays of shards, files with the same names in them: those of the first file, then those of the second.
    static func rows(shards paths: [String], _ unread: inout UnreadFiles) throws -> [String: SampleRows] {
        let sized = try paths.filter { path in try unread.reading(path) { try StoredArray.byteCount(of: path) } != nil }
        let isSmall = try isSmall(sized)
        let shards = try sized.compactMap { path in
            try unread.reading(path) { (path, arrays: try isSmall ? inMemory(path) : stored(path)) }
        }
        try unread.check(of: paths.count, "files")
        guard let (first, wanted) = shards.first else { return [:] }
        var arrays: [String: SampleRows] = [:]
        for (name, rows) in wanted {
            var parts = [rows]
            for (path, shard) in shards.dropFirst() {
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
        return arrays
    }

    private static func isSmall(_ paths: [String]) throws -> Bool {
        // Arrays may be held twice while they are arranged.
        try paths.reduce(0) { $0 + (try StoredArray.byteCount(of: $1)) } <= MemoryBudget.byteCount / 2
    }

    private static func inMemory(_ path: String) throws -> [String: SampleRows] {
        try Arrays.readUnnamed(path).mapValues { SampleRows($0) }
    }

    private static func stored(_ path: String) throws -> [String: SampleRows] {
        guard let arrays = try StoredArray.arrays(of: path) else { return try inMemory(path) }
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
