import WinnowKernels
import WinnowTensor

extension QuantizationParameters {
    /// Parameters of a weight in the shape of `placement`, with or without zero points: ranges from the smallest to the largest number
    /// that share a scale, or those parts of them that give the least squared error.
    ///
    /// - Parameter inParallel: on all threads; not from within a parallel loop.
    init(
        fitted weight: Tensor, _ placement: ScalePlacement, _ elementType: ElementType, codes: ClosedRange<Int>, isSymmetric: Bool,
        clips: Bool, _ kind: ScaleKind, inParallel: Bool = false
    ) {
        let layout = ScaleLayout(axis: placement.axis, blockSize: placement.blockSize, of: weight.shape)
        let limits = Float(codes.lowerBound)...Float(codes.upperBound)
        func search(_ elements: UnsafeBufferPointer<Float>) -> (scale: Float, zero: Float) {
            LeastErrorRange.search(elements, codes: limits, isSymmetric: isSymmetric, clips: clips, kind.rounded)
        }
        func groups(_ starts: [Int]) -> [Range<Int>] { zip(starts, starts.dropFirst()).map { $0..<$1 } }
        let found: [(scale: Float, zero: Float)]
        if let leaders = placement.leaders {
            let (elements, starts) = weight.withElements(Float.self) { layout.grouped($0) }
            let groups = groups(starts)
            let blocks = Dictionary(grouping: leaders.indices, by: { leaders[$0] })
            let own = blocks.mapValues { runs in runs.flatMap { elements[groups[$0]] }.withUnsafeBufferPointer(search) }
            found = leaders.map { own[$0] ?? (1, 0) }
        } else {
            found = weight.withElements(Float.self) { values in
                layout.withGroups(values) { elements, starts in
                    LeastErrorRange.searches(
                        elements, groups(starts), codes: limits, isSymmetric: isSymmetric, clips: clips, inParallel: inParallel, kind.rounded)
                }
            }
        }
        self.init(
            elementType: elementType, codes: codes, scales: found.map(\.scale), zeroPoints: found.map { Int($0.zero) }, axis: placement.axis)
        (blockSize, slices) = (placement.blockSize, placement.slices)
        (scaleType, isPowerOfTwo) = (kind.elementType, kind == .powerOfTwo)
    }

    /// The smallest type of the same sign that holds codes and zero points.
    var packedType: ElementType {
        let types: [ElementType] = elementType.isSigned ? [.int2, .int4, .int8] : [.uint2, .uint4, .uint8]
        return types.first { type in
            guard let range = type.integerRange else { return false }
            return range.contains(codes.lowerBound) && range.contains(codes.upperBound) && zeroPoints.allSatisfy(range.contains)
        } ?? elementType
    }

    /// Whether any code but 0 stands for 0.
    var hasZeroPoints: Bool { zeroPoints.contains { $0 != 0 } }
}
