import WinnowKernels
import WinnowTensor

extension QuantizationParameters {
    /// Parameters of a weight in the shape of `placement`, with or without zero points: ranges from the smallest to the largest number
    /// that share a scale, or those parts of them that give the least squared error.
    init(
        fitted weight: Tensor, _ placement: ScalePlacement, _ elementType: ElementType, codes: ClosedRange<Int>, isSymmetric: Bool,
        clips: Bool, _ kind: ScaleKind
    ) {
        let layout = ScaleLayout(axis: placement.axis, blockSize: placement.blockSize, of: weight.shape)
        let (elements, starts) = weight.withElements(Float.self) { layout.grouped($0) }
        let limits = Float(codes.lowerBound)...Float(codes.upperBound)
        let found = elements.withUnsafeBufferPointer { elements in
            zip(starts, starts.dropFirst()).map { start, end in
                LeastErrorRange.search(
                    UnsafeBufferPointer(rebasing: elements[start..<end]), codes: limits, isSymmetric: isSymmetric, clips: clips, kind.rounded)
            }
        }
        self.init(
            elementType: elementType, codes: codes, scales: found.map(\.scale), zeroPoints: found.map { Int($0.zero) }, axis: placement.axis)
        blockSize = placement.blockSize
        scaleType = kind.elementType
    }

    /// Whether any code but 0 stands for 0.
    var hasZeroPoints: Bool { zeroPoints.contains { $0 != 0 } }
}
