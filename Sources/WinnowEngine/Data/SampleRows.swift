import Synchronization
package import WinnowTensor

/// Samples of one shape: the rows of a tensor, or of a source that reads them when they are asked for.
package struct SampleRows: Sendable {
    /// Samples first; of a value that all samples share, its own.
    package let shape: Shape
    package let elementType: ElementType
    private let storage: Storage

    private enum Storage {
        case memory(Tensor)
        case source(SampleReader, RowHashes, changes: [Change])
    }

    typealias Change = @Sendable (Tensor) throws -> Tensor

    /// Rows in memory, with a byte or more for each number: samples of 4-bit numbers may begin within a byte.
    package init(_ tensor: Tensor) {
        let whole = tensor.elementType.bitWidth < 8 ? tensor.converted(to: tensor.elementType.isFloatingPoint ? .float32 : .int8) : tensor
        (shape, elementType, storage) = (whole.shape, whole.elementType, .memory(whole))
    }

    /// - Parameter hashes: what `addHash(of:)` gives of each row, where that is known.
    package init(_ source: any SampleSource, hashes: [ContentHash] = []) {
        shape = [source.count] + source.sampleShape
        elementType = source.elementType
        storage = .source(SampleReader(source), RowHashes(hashes), changes: [])
    }

    private init(_ shape: Shape, _ elementType: ElementType, _ storage: Storage) {
        (self.shape, self.elementType, self.storage) = (shape, elementType, storage)
    }

    package var count: Int { shape.first ?? 0 }
    package var sampleShape: Shape { Shape(Array(shape.dropFirst())) }

    /// The elements of one sample.
    var sampleElementCount: Int {
        var count = 1
        for axis in 1..<max(1, shape.rank) { count *= shape[axis] }
        return count
    }

    /// Whether nothing is read any more.
    package var isInMemory: Bool { if case .memory = storage { true } else { false } }

    /// Where a row lies: in a row of a tensor.
    func row(_ row: Int) throws -> (tensor: Tensor, row: Int) {
        switch storage {
        case .memory(let tensor): return (tensor, row)
        case .source(let reader, _, let changes): return (try changes.reduce(reader.sample(at: row)) { try $1($0) }, 0)
        }
    }

    /// All rows; copied where they are not in memory.
    package func tensor() throws -> Tensor {
        if case .memory(let tensor) = storage { return tensor }
        return try selecting(Array(0..<count))
    }

    /// The rows at `indices` in that order, copied.
    package func selecting(_ indices: [Int]) throws -> Tensor {
        try MemoryBudget.check(elementType.byteCount(of: indices.count * sampleShape.elementCount), for: "samples", remedy: "take fewer of them")
        var result = Tensor(uninitialized: [indices.count] + sampleShape, elementType)
        try result.withUnsafeMutableBytes { target in
            for (position, index) in indices.enumerated() {
                let (tensor, row) = try self.row(index)
                tensor.withRow(row) { UnsafeMutableRawBufferPointer(rebasing: target[(position * $0.count)...]).copyMemory(from: $0) }
            }
        }
        return result
    }

    /// The same samples in memory.
    func inMemory() throws -> SampleRows { isInMemory ? self : SampleRows(try tensor()) }

    /// What `change` makes of all rows, or of each by itself; it gives as many rows as it is given.
    func mapping(_ change: @escaping @Sendable (Tensor) throws -> Tensor) rethrows -> SampleRows {
        switch storage {
        case .memory(let tensor): return SampleRows(try change(tensor))
        case .source(let reader, _, let changes):
            let example = try change(Tensor(zeros: [1] + sampleShape, elementType))
            let shape = Shape([count]) + Shape(Array(example.shape.dropFirst()))
            return SampleRows(shape, example.elementType, .source(reader, RowHashes(), changes: changes + [change]))
        }
    }

    /// Reads these rows ahead.
    func expect(_ rows: [Int]) {
        if case .source(let reader, _, _) = storage { reader.expect(rows) }
    }

    /// Adds element type, shape and elements of one row; each is read once for this.
    func add(_ row: Int, to hash: inout ContentHash) throws {
        switch storage {
        case .memory(let tensor): hash.add(row: row, of: tensor)
        case .source(_, let hashes, _):
            try hashes.add(row, to: &hash) { hash in
                let (tensor, own) = try self.row(row)
                hash.add(row: own, of: tensor)
            }
        }
    }
}

extension ContentHash {
    /// Adds element type, shape and elements of a row of the first axis.
    package mutating func add(row: Int, of tensor: Tensor) {
        for number in [tensor.elementType.rawValue] + tensor.shape.dropFirst() { add(UInt64(number)) }
        tensor.withRow(row) { add($0) }
    }
}

/// What rows of a source have made of hashes, so that none is read again for its fingerprint.
private final class RowHashes: Sendable {
    private let known: Mutex<[Int: (before: ContentHash, after: ContentHash)]>

    /// - Parameter hashes: what each row makes of an empty hash.
    init(_ hashes: [ContentHash] = []) {
        known = Mutex(Dictionary(uniqueKeysWithValues: hashes.enumerated().map { ($0, (ContentHash(), $1)) }))
    }

    func add(_ row: Int, to hash: inout ContentHash, by add: (inout ContentHash) throws -> Void) rethrows {
        let before = hash
        if let entry = known.withLock({ $0[row] }), entry.before == before {
            hash = entry.after
            return
        }
        try add(&hash)
        let after = hash
        known.withLock { $0[row] = (before, after) }
    }
}

extension Tensor {
    /// The elements of one row of the first axis.
    var rowElementCount: Int { shape[0] == 0 ? 0 : elementCount / shape[0] }

    func withRow(_ row: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        let byteCount = rowElementCount * elementType.bitWidth / 8
        withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[(row * byteCount)..<((row + 1) * byteCount)])) }
    }
}
