/// W ≈ G ×₁ U ×₂ V of a tensor of outputs × inputs × taps (Tucker-2), U and V with orthonormal columns, by higher-order
/// orthogonal iteration from the leading singular vectors of both unfoldings: none of its sweeps loses energy (De Lathauwer et
/// al. 2000).
package struct TuckerFactors: Sendable {
    /// U: outputs × rank.
    package private(set) var outputs: Matrix<Float>
    /// V: inputs × rank.
    package private(set) var inputs: Matrix<Float>
    /// G: output rank × (input rank · taps).
    package private(set) var core = Matrix<Float>(zeros: 0, 0)
    /// Of the core, after each sweep; the first is that of the start (the truncated HOSVD).
    package private(set) var energies: [Double] = []

    private static let sweepLimit = 30
    /// Of all energy, below which a sweep's gain ends the iteration.
    private static let tolerance = 1e-6

    /// - Parameters:
    ///   - weight: outputs × (inputs · taps).
    ///   - outputs: left singular vectors of the weight, as many as the rank.
    ///   - inputs: the same of inputs × (outputs · taps).
    package init(_ weight: Matrix<Float>, outputs: Matrix<Float>, inputs: Matrix<Float>) throws {
        (self.outputs, self.inputs) = (outputs, inputs)
        let taps = weight.columns / max(1, inputs.rows)
        let unfolded = weight.exchangingAxes(inner: taps)
        let total = weight.squareSum
        updateCore(unfolded, taps)
        while energies.count <= Self.sweepLimit {
            let half = (self.inputs.transposed * unfolded).exchangingAxes(inner: taps)
            let former = (self.outputs, self.inputs, core)
            self.outputs = try half.leadingBasis(outputs.columns)
            let other = (self.outputs.transposed * weight).exchangingAxes(inner: taps)
            self.inputs = try other.leadingBasis(inputs.columns)
            updateCore(unfolded, taps)
            let gain = energies[energies.count - 1] - energies[energies.count - 2]
            guard gain > 0 else { (self.outputs, self.inputs, core) = former; energies.removeLast(); break }
            if gain <= Self.tolerance * total { break }
        }
    }

    private mutating func updateCore(_ unfolded: Matrix<Float>, _ taps: Int) {
        let half = (inputs.transposed * unfolded).exchangingAxes(inner: taps)
        core = outputs.transposed * half
        energies.append(core.squareSum)
    }
}

extension Matrix<Float> {
    /// a × (b · inner) as b × (a · inner).
    package func exchangingAxes(inner: Int) -> Matrix {
        let others = columns / Swift.max(1, inner)
        var result = Matrix(zeros: others, rows * inner)
        result.elements.withUnsafeMutableBufferPointer { target in
            elements.withUnsafeBufferPointer { source in
                for row in 0..<rows {
                    for other in 0..<others {
                        let (from, to) = (row * columns + other * inner, (other * rows + row) * inner)
                        for tap in 0..<inner { target[to + tap] = source[from + tap] }
                    }
                }
            }
        }
        return result
    }

    /// Σx².
    package var squareSum: Double { elements.reduce(0) { $0 + Double($1) * Double($1) } }

    /// The leading left singular vectors as columns, from A·Aᵀ.
    fileprivate func leadingBasis(_ count: Int) throws -> Matrix {
        let eigen = try SymmetricEigen(self * transposed)
        var result = Matrix(zeros: rows, count)
        for row in 0..<rows { for column in 0..<count { result[row, column] = eigen.vectors[row, rows - 1 - column] } }
        return result
    }
}
