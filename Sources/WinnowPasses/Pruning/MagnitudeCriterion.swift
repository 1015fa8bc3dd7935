import WinnowKernels
package import WinnowTensor

/// Chooses which weights to set to zero by their magnitude.
package enum MagnitudeCriterion {
    /// The indices of the `count` smallest scores among the kept ones; equal scores go by index, lower first.
    package static func smallest(_ count: Int, of scores: [Float], kept: [Bool]) -> [Int] {
        let candidates = kept.indices.filter { kept[$0] }
        guard count > 0 else { return [] }
        guard count < candidates.count else { return candidates }
        let cut = candidates.map { scores[$0] }.withUnsafeBufferPointer {
            WinnowKernels.Selection.smallest(count, of: $0)
        }
        guard let threshold = cut.threshold else { return [] }
        var chosen = candidates.filter { scores[$0] < threshold }
        chosen += candidates.lazy.filter { scores[$0] == threshold }.prefix(count - chosen.count)
        return chosen
    }

    /// The number that `fraction` of `count` rounds to, halves to even, as Python's `round` does.
    package static func count(_ fraction: Double, of count: Int) -> Int {
        Int((fraction * Double(count)).rounded(.toNearestOrEven))
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
