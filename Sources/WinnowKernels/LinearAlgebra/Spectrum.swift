/// The squared singular values of a matrix, the largest first; of large ones perhaps not the smallest.
package struct Spectrum: Hashable, Sendable {
    package let squares: [Double]
    package let (rows, columns): (Int, Int)
    /// Of all, those that are not known too.
    package let total: Double

    package init(_ squares: [Double], rows: Int, columns: Int, total: Double? = nil) {
        (self.squares, self.rows, self.columns) = (squares, rows, columns)
        self.total = total ?? squares.reduce(0, +)
    }

    /// Of several matrices of one shape whose components come and go together.
    package init(sumOf spectra: [Spectrum]) {
        let first = spectra.first ?? Spectrum([], rows: 0, columns: 0)
        let squares = first.squares.indices.map { index in spectra.reduce(0) { $0 + $1.squares[index] } }
        self.init(squares, rows: first.rows, columns: first.columns, total: spectra.reduce(0) { $0 + $1.total })
    }

    package var count: Int { min(rows, columns) }

    /// The part of the sum that the first `rank` have.
    package func energy(rank: Int) -> Double { squares.prefix(rank).reduce(0, +) / max(total, .leastNormalMagnitude) }

    /// The smallest rank whose squares sum to at least `energy` (0…1) of all of them.
    package func rank(energy: Double) -> Int {
        let goal = energy * total
        var sum = 0.0
        for (index, square) in squares.enumerated() {
            if sum >= goal { return index }
            sum += square
        }
        return count
    }
}

extension SingularValueDecomposition {
    package var spectrum: Spectrum {
        Spectrum(values.map { Double($0) * Double($0) }, rows: left.rows, columns: right.columns)
    }
}
