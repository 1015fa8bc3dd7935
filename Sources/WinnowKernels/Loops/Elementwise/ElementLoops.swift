/// Float32 elements in a block that is certain to live on the stack.
let stackBlock = 256

/// Elements that are worth a thread of their own: fewer are done before another core has what this one wrote.
let threadShare = 65_536

/// Elements of which several operands stay in a core's own cache.
let loopBlock = 16_384

/// Calls `body` with the starts and counts of chunks that cover `0..<count`, on several threads if that pays.
@inline(__always)
func forChunks(_ count: Int, minimum: Int = threadShare, _ body: (_ start: Int, _ count: Int) -> Void) {
    guard count >= 2 * minimum else { return body(0, count) }
    Parallel.forRanges(count, minimum: minimum) { body($0.lowerBound, $0.count) }
}

extension Parallel {
    /// Calls `body` with blocks that cover `0..<count`, in order on each thread, on several threads if that pays.
    ///
    /// What several loops over one block read and write stays in the nearest cache.
    package static func forBlocks(_ count: Int, _ body: (Range<Int>) -> Void) {
        forChunks(count) { start, count in
            for first in stride(from: start, to: start + count, by: loopBlock) { body(first..<min(first + loopBlock, start + count)) }
        }
    }
}

/// target[i] = function(source[i]); the loop in place is written apart because overlapping memory does not vectorize.
@inline(__always)
func mapElements<From: BitwiseCopyable, To: BitwiseCopyable>(
    _ from: From.Type, _ to: To.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int,
    _ function: (From) -> To
) {
    let x = source.assumingMemoryBound(to: From.self)
    let y = target.assumingMemoryBound(to: To.self)
    if From.self == To.self && source == UnsafeRawPointer(target) {
        let z = target.assumingMemoryBound(to: From.self)
        for i in 0..<count { y[i] = function(z[i]) }
    } else {
        for i in 0..<count { y[i] = function(x[i]) }
    }
}

/// A loop over dense elements: source, target (may be the source if the element sizes agree), count.
typealias UnaryLoop = @Sendable (UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void

typealias BinaryLoop = @Sendable (BinaryRow) -> Void

/// A row of two operands and a target; an operand that does not vary stays at its first element.
struct BinaryRow {
    var a: UnsafeRawPointer
    var b: UnsafeRawPointer
    var aVaries = true
    var bVaries = true
    var target: UnsafeMutableRawPointer
    var count: Int
}

/// target[i] = function(a[i], b[i]).
///
/// The loops in place are written apart because overlapping memory does not vectorize.
@inline(__always)
func zipElements<From: BitwiseCopyable, To: BitwiseCopyable>(
    _ from: From.Type, _ to: To.Type, _ row: BinaryRow, _ function: (From, From) -> To
) {
    let (a, b, target, count) = (row.a, row.b, row.target, row.count)
    let (aVaries, bVaries) = (row.aVaries, row.bVaries)
    let x = a.assumingMemoryBound(to: From.self)
    let y = b.assumingMemoryBound(to: From.self)
    let z = target.assumingMemoryBound(to: To.self)
    let inPlace = From.self == To.self && (aVaries && a == UnsafeRawPointer(target) || bVaries && b == UnsafeRawPointer(target))
    if inPlace {
        let same = target.assumingMemoryBound(to: From.self)
        if aVaries && a == UnsafeRawPointer(target) {
            if bVaries { for i in 0..<count { z[i] = function(same[i], y[i]) } } else {
                let value = y[0]
                for i in 0..<count { z[i] = function(same[i], value) }
            }
        } else if aVaries {
            for i in 0..<count { z[i] = function(x[i], same[i]) }
        } else {
            let value = x[0]
            for i in 0..<count { z[i] = function(value, same[i]) }
        }
        return
    }
    switch (aVaries, bVaries) {
    case (true, true): for i in 0..<count { z[i] = function(x[i], y[i]) }
    case (true, false):
        let value = y[0]
        for i in 0..<count { z[i] = function(x[i], value) }
    case (false, true):
        let value = x[0]
        for i in 0..<count { z[i] = function(value, y[i]) }
    case (false, false):
        guard count > 0 else { return }
        let value = function(x[0], y[0])
        for i in 0..<count { z[i] = value }
    }
}
