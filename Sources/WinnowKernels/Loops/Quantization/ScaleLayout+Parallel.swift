import WinnowTensor

extension ScaleLayout {
    /// Calls `body` for pieces of rows on several threads: first element, count, first scale.
    func forEachPiece(_ body: (_ start: Int, _ count: Int, _ scale: Int) -> Void) {
        if rowCount == 1 && scaleStep == 0 {
            return forChunks(rowLength) { start, count in body(start, count, 0) }
        }
        forChunks(rowCount, minimum: max(1, threadShare / max(rowLength, 1))) { first, count in
            for index in first..<(first + count) {
                let (start, count, scale) = row(index)
                body(start, count, scale)
            }
        }
    }
}
