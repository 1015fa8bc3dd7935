import Foundation
import WinnowTensor

/// Reads samples of a source ahead of those who ask, on another thread, and holds no more of them than are expected.
///
/// What comes out does not depend on what was expected, only when it is read.
final class SampleReader: @unchecked Sendable {
    let source: any SampleSource
    /// Guards all that follows.
    private let condition = NSCondition()
    /// The rows that are to be read, the next one last.
    private var pending: [Int] = []
    private var expected: Set<Int> = []
    private var ready: [Int: Tensor] = [:]
    /// The row that is being read ahead.
    private var current: Int?
    private var isReading = false

    /// The bytes of samples that are held at most.
    private static let byteLimit = 256 << 20

    init(_ source: any SampleSource) { self.source = source }

    /// Reads these rows in this order, as many as may be held, and forgets all others.
    func expect(_ rows: [Int]) {
        let sampleByteCount = max(1, source.elementType.byteCount(of: source.sampleShape.elementCount))
        let rows = rows.prefix(min(Self.byteLimit, MemoryBudget.byteCount / 4) / sampleByteCount)
        condition.lock()
        defer { condition.unlock() }
        expected = Set(rows)
        ready = ready.filter { expected.contains($0.key) }
        var seen: Set<Int> = []
        pending = rows.filter { ready[$0] == nil && $0 != current && seen.insert($0).inserted }.reversed()
        guard !pending.isEmpty, !isReading else { return }
        isReading = true
        DispatchQueue.global(qos: .userInitiated).async { self.readAhead() }
    }

    /// One sample, (1, …shape).
    func sample(at row: Int) throws -> Tensor {
        condition.lock()
        while current == row { condition.wait() }
        if let tensor = ready[row] {
            condition.unlock()
            return tensor
        }
        if let place = pending.lastIndex(of: row) { pending.remove(at: place) }
        condition.unlock()
        return try source.sample(at: row)
    }

    private func readAhead() {
        condition.lock()
        while let row = pending.popLast() {
            current = row
            condition.unlock()
            // Whoever asks for what cannot be read reads it again, and learns why.
            let tensor = try? source.sample(at: row)
            condition.lock()
            if expected.contains(row) { ready[row] = tensor }
            current = nil
            condition.broadcast()
        }
        isReading = false
        condition.unlock()
    }
}
