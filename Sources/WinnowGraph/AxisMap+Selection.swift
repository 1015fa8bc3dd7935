package import WinnowTensor

extension AxisMap {
    /// Which indices of an axis of the first input an axis of the first output has: in any order, some several times, some not at all.
    ///
    /// Without some indices of the source, the target is without its own that are these, and nothing else changes.
    package struct Selection: Hashable, Sendable {
        /// The axis of the first input.
        package var source: Int
        /// The axis of the first output.
        package var target: Int
        /// For each index of the target that of the source, 0 or more.
        package var indices: [Int]
        /// The input whose elements the indices are, and along which of its axes they lie; nil: they follow from what else is read, and the
        /// first output is nothing but these parts of the first input.
        package var list: Int?
        package var listAxis: Int

        package init(from source: Int, to target: Int, _ indices: [Int], list: Int? = nil, listAxis: Int = 0) {
            (self.source, self.target, self.indices, self.list, self.listAxis) = (source, target, indices, list, listAxis)
        }

        /// The indices of the target that stay without these of the source.
        package func kept(removing places: [Bool]) -> [Int] { indices.indices.filter { !places[indices[$0]] } }

        /// The indices that are left without these of the source, counted anew.
        package func left(removing places: [Bool]) -> [Int] {
            var count = 0
            let numbers = places.map { isRemoved -> Int in
                defer { count += isRemoved ? 0 : 1 }
                return count
            }
            return kept(removing: places).map { numbers[indices[$0]] }
        }

        /// The input that lists the indices, without those of the source.
        package func list(_ tensor: Tensor, removing places: [Bool]) -> Tensor {
            let (kept, left) = (tensor.selecting(kept(removing: places), axis: listAxis), left(removing: places))
            let inner = kept.shape[(listAxis + 1)...].reduce(1, *)
            let numbers = (0..<kept.elementCount).map { Double(left[$0 / inner % left.count]) }
            return Tensor(numbers, shape: kept.shape, as: kept.elementType)
        }
    }
}
