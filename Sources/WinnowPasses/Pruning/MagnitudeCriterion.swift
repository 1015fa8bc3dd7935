package import WinnowTensor

/// Chooses which weights to set to zero by their magnitude.
package enum MagnitudeCriterion {
    /// The indices of the `count` smallest scores among the kept ones; equal scores go by index, lower first.
    package static func smallest(_ count: Int, of scores: [Float], kept: [Bool]) -> [Int] {
        let candidates = kept.indices.filter { kept[$0] }
        guard count > 0 else { return [] }
        guard count < candidates.count else { return candidates }
        let keys = candidates.map { scores[$0] }
        let threshold = kthSmallest(count, of: keys)
        var chosen = candidates.filter { scores[$0] < threshold }
        chosen += candidates.lazy.filter { scores[$0] == threshold }.prefix(count - chosen.count)
        return chosen
    }

    /// The number that `fraction` of `count` rounds to, halves to even, as Python's `round` does.
    package static func count(_ fraction: Double, of count: Int) -> Int {
        Int((fraction * Double(count)).rounded(.toNearestOrEven))
    }

    /// The `rank`-th smallest value, from 1 (Hoare's quickselect with median-of-three pivots).
    private static func kthSmallest(_ rank: Int, of values: [Float]) -> Float {
        var values = values
        return values.withUnsafeMutableBufferPointer { values in
            var low = 0
            var high = values.count - 1
            let target = rank - 1
            while low < high {
                let middle = (low + high) / 2
                let pivot = max(min(values[low], values[high]), min(max(values[low], values[high]), values[middle]))
                var i = low
                var j = high
                while i <= j {
                    while values[i] < pivot { i += 1 }
                    while values[j] > pivot { j -= 1 }
                    if i <= j {
                        values.swapAt(i, j)
                        i += 1
                        j -= 1
                    }
                }
                if target <= j { high = j } else if target >= i { low = i } else { break }
            }
            return values[target]
        }
    }
}

extension Tensor {
    /// The absolute values of a float32 tensor.
    package var magnitudes: [Float] { (elements(Float.self) ?? floats()).map(\.magnitude) }

    /// The part of the elements that are exactly zero.
    package var sparsity: Double {
        guard elementCount > 0 else { return 0 }
        let zeros = elements(Float.self)?.count { $0 == 0 } ?? doubles().count { $0 == 0 }
        return Double(zeros) / Double(elementCount)
    }
}
