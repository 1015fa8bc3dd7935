package import WinnowTensor

/// Sum, Min, Max or Mean of any number of broadcast operands, one after the other into the target.
package struct VariadicKernel: Sendable {
    package enum Function: Hashable, Sendable { case sum, minimum, maximum, mean }

    package let shape: Shape
    private let first: StridedCopy
    /// `steps[i]` brings operand i + 1 into the target.
    private let steps: [BinaryKernel]
    private let finish: UnaryKernel?
    private let count: Int

    /// The operands are row-major, or all of the same shape and layout.
    package init(_ function: Function, _ elementType: ElementType, _ shapes: [Shape]) throws {
        guard let head = shapes.first else { throw WinnowError(.model, "\(function)", "needs at least one operand") }
        let result = try BroadcastPlan(shapes).shape
        let step: BinaryFunction =
            switch function {
            case .sum, .mean: .add
            case .minimum: .minimum
            case .maximum: .maximum
            }
        shape = result
        first = try StridedCopy.expand(head, to: result, elementType)
        steps = try shapes.dropFirst().map { try BinaryKernel(step, elementType, result, $0) }
        finish = function == .mean
            ? try UnaryKernel(.affine(scale: 1 / Double(shapes.count), offset: 0), elementType) : nil
        count = result.elementCount
    }

    /// `operand(i)` gives the memory of operand i; the target overlaps none of them, or is the memory of the first.
    package func run(_ operand: (Int) -> UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        if operand(0) != UnsafeRawPointer(target) { first.run(from: operand(0), to: target) }
        for (index, step) in steps.enumerated() { step.run(target, operand(index + 1), to: target) }
        finish?.run(from: target, to: target, count: count)
    }
}
