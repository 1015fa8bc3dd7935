internal import CWinnowKernels
internal import Foundation

/// How far up numbers are rounded, each between 0 and 1 and learned: h = clip(1.2·σ(v) − 0.1, 0, 1), v by Adam
/// (AdaRound; Nagel et al. 2020, equations 22 and 23).
package struct SoftRounding: Sendable {
    private let matrix: Matrix<Float>
    private let grid: RoundingGrid
    private let count: Int
    /// h of each number, its logit, and the moments of Adam, one after the other.
    private var state: [Float]
    private var stepCount = 0

    /// Begins with every number where it lies between its neighbours on the grid.
    package init(_ matrix: Matrix<Float>, _ grid: RoundingGrid) {
        (self.matrix, self.grid, count) = (matrix, grid, matrix.elements.count)
        state = zip(matrix.elements, grid.scales).map { $1 == 0 ? 0 : Self.start($0 / $1) }
        state += Self.logits(of: state)
        state += [Float](repeating: 0, count: 2 * count)
    }

    /// The h with which a number lies where it does between two codes.
    package static func start(_ quotient: Float) -> Float { min(max(quotient - quotient.rounded(.down), 0.001), 0.999) }

    /// What pushing to 0 or 1 counts beside an error of the outputs that is 1 for the nearest codes, and how sharp the push is, after a
    /// part of the steps: nothing for a fifth of them, then 10 (of pressures of 0.01 to 10 that gave nearly the least error on random
    /// layers), |2h − 1| to a power that falls from 20 to 2.
    package static func push(after part: Float) -> (pressure: Float, sharpness: Float) {
        let progress = (part - 0.2) / 0.8
        return (progress > 0 ? 10 : 0, 2 + 18 * (1 - max(0, progress)))
    }

    /// The v of each h.
    package static func logits(of parts: [Float]) -> [Float] { parts.map { -log(1.2 / ($0 + 0.1) - 1) } }

    /// h of each number.
    package var parts: ArraySlice<Float> { state[..<count] }

    /// scale · clip(⌊w / scale⌋ + h) − w of every number w.
    package var differences: Matrix<Float> { differences(state) }

    /// The numbers with every h as the nearer of 0 and 1.
    package var rounded: Matrix<Float> {
        var result = differences(parts.map { $0 >= 0.5 ? 1 : 0 })
        for index in result.elements.indices { result.elements[index] += matrix.elements[index] }
        // Sums may have lost a bit.
        return grid.nearest(result)
    }

    private func differences(_ parts: [Float]) -> Matrix<Float> {
        var result = Matrix<Float>(zeros: matrix.rows, matrix.columns)
        result.elements.withUnsafeMutableBufferPointer { target in
            grid.withPointers { scales, zeros in
                parts.withUnsafeBufferPointer { parts in
                    matrix.elements.withUnsafeBufferPointer { source in
                        guard let target = target.baseAddress, let parts = parts.baseAddress, let source = source.baseAddress
                        else { return }
                        Parallel.forRanges(count, minimum: 1 << 14) { range in
                            let start = range.lowerBound
                            winnow_soft_differences(
                                source + start, parts + start, target + start, range.count, scales + start, zeros + start,
                                grid.low, grid.high)
                        }
                    }
                }
            }
        }
        return result
    }

    /// One step down factor · scale · `slopes`, of a loss by the numbers with a factor for each row, and down
    /// pressure·Σ(1 − |2h − 1|^sharpness), which pushes parts to 0 or 1. Those that have come there stay.
    package mutating func step(_ slopes: Matrix<Float>, factors: [Float], pressure: Float, sharpness: Float, rate: Float) {
        stepCount += 1
        let corrections = (1 - pow(0.9, Float(stepCount)), 1 - pow(0.999, Float(stepCount)))
        let (count, width) = (count, matrix.columns)
        state.withUnsafeMutableBufferPointer { state in
            slopes.elements.withUnsafeBufferPointer { slopes in
                grid.withPointers { scales, _ in
                    guard let h = state.baseAddress, let slopes = slopes.baseAddress else { return }
                    let (logits, first, second) = (h + count, h + 2 * count, h + 3 * count)
                    Parallel.forEach(factors.count, minimum: 1 + (1 << 12) / max(1, width)) { row in
                        let start = row * width
                        var constants = winnow_soft_constants(
                            factor: factors[row], pressure: pressure, sharpness: sharpness, rate: rate / corrections.0,
                            root: 1 / corrections.1.squareRoot())
                        winnow_soft_step(
                            h + start, logits + start, first + start, second + start, slopes + start, scales + start, width,
                            &constants)
                    }
                }
            }
        }
    }
}
