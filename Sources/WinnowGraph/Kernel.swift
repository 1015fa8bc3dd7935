package import WinnowTensor

/// One operand of a kernel as the plan fixed it.
package struct OperandPlan: Sendable {
    /// The logical shape (N, C, spatial…) whatever the layout.
    package var shape: Shape
    package var elementType: ElementType
    package var layout: Layout
    /// The contents in `layout`'s order, when they never change: pack them once.
    package var constant: Tensor?

    package init(shape: Shape, elementType: ElementType, layout: Layout = .rowMajor, constant: Tensor? = nil) {
        self.shape = shape
        self.elementType = elementType
        self.layout = layout
        self.constant = constant
    }

    package var byteCount: Int { elementType.byteCount(of: shape.elementCount) }
}

/// What a plan asks an operator to compute.
package struct KernelRequest: Sendable {
    package var nodeName: String
    /// Omitted optional inputs are nil.
    package var inputs: [OperandPlan?]
    package var outputs: [OperandPlan]
    package var arithmetic: Arithmetic

    package init(
        nodeName: String, inputs: [OperandPlan?], outputs: [OperandPlan], arithmetic: Arithmetic = .fast
    ) {
        self.nodeName = nodeName
        self.inputs = inputs
        self.outputs = outputs
        self.arithmetic = arithmetic
    }

    /// Input `index`, which the operator requires.
    package func input(_ index: Int) throws -> OperandPlan {
        guard index < inputs.count, let input = inputs[index] else {
            throw WinnowError(.model, nodeName, "input \(index) is missing")
        }
        return input
    }

    package func optionalInput(_ index: Int) -> OperandPlan? { index < inputs.count ? inputs[index] : nil }
}

/// Computes one node of a plan; running it allocates nothing.
package struct Kernel {
    /// Where the first output may lie.
    package enum Placement: Hashable, Sendable {
        case separate
        /// Output 0 may overwrite the first of these inputs that nobody reads later and that has the same byte count.
        case mayOverwrite([Int])
        /// Output 0 is input 0's memory, unchanged (Reshape); `run` is never called.
        case view
    }

    package var placement: Placement
    /// Which of several ways to compute the node it is, for users; nil where there is one.
    package var name: String?
    /// Bytes of scratch memory the plan lends while running, aligned to 64.
    package var scratchByteCount: Int
    package let run: (Operands) throws -> Void
    /// Of elementwise kernels; plans run neighbours among them as one loop.
    package var elements: Elements?

    /// A computation of output 0 in which each element depends only on those at the same place of operands with as many
    /// elements, and on single ones.
    package struct Elements {
        package let count: Int
        /// Computes the elements in a range.
        package let run: (Operands, Range<Int>) -> Void
        /// Calls a body with blocks that cover all elements, on several threads if that pays.
        package let forBlocks: (Int, (Range<Int>) -> Void) -> Void
    }

    /// An elementwise kernel of `count` elements.
    package init(
        elements count: Int, placement: Placement = .mayOverwrite([0]), forBlocks: @escaping (Int, (Range<Int>) -> Void) -> Void,
        run: @escaping (Operands, Range<Int>) -> Void
    ) {
        self.init(placement: placement) { run($0, 0..<count) }
        elements = Elements(count: count, run: run, forBlocks: forBlocks)
    }

    package init(
        placement: Placement = .separate, scratchByteCount: Int = 0, run: @escaping (Operands) throws -> Void
    ) {
        self.placement = placement
        self.scratchByteCount = scratchByteCount
        self.run = run
    }

    /// A kernel whose output is its first input's memory.
    package static var view: Kernel { Kernel(placement: .view) { _ in } }
}

/// The memory of one kernel call: inputs, then outputs, then scratch. Omitted inputs and outputs are null.
package struct Operands {
    private let pointers: UnsafePointer<UnsafeMutableRawPointer?>
    private let inputCount: Int
    private let outputCount: Int

    package init(_ pointers: UnsafePointer<UnsafeMutableRawPointer?>, inputCount: Int, outputCount: Int) {
        self.pointers = pointers
        self.inputCount = inputCount
        self.outputCount = outputCount
    }

    package func hasInput(_ index: Int) -> Bool { index < inputCount && pointers[index] != nil }

    /// The memory of input `index`, which the kernel knows to be there.
    package func input(_ index: Int) -> UnsafeRawPointer { UnsafeRawPointer(pointers[index].unsafelyUnwrapped) }

    package func optionalInput(_ index: Int) -> UnsafeRawPointer? {
        index < inputCount ? pointers[index].map { UnsafeRawPointer($0) } : nil
    }

    package func output(_ index: Int) -> UnsafeMutableRawPointer { pointers[inputCount + index].unsafelyUnwrapped }

    package func optionalOutput(_ index: Int) -> UnsafeMutableRawPointer? {
        index < outputCount ? pointers[inputCount + index] : nil
    }

    package var scratch: UnsafeMutableRawPointer? { pointers[inputCount + outputCount] }

    package func input<Scalar>(_ index: Int, as type: Scalar.Type) -> UnsafePointer<Scalar> {
        input(index).assumingMemoryBound(to: Scalar.self)
    }

    package func output<Scalar>(_ index: Int, as type: Scalar.Type) -> UnsafeMutablePointer<Scalar> {
        output(index).assumingMemoryBound(to: Scalar.self)
    }
}

extension Kernel {
    /// Runs the kernel outside a plan; `results` are written in place.
    package func runOnce(_ inputs: [Tensor?], _ results: [Tensor?]) throws {
        try MemoryBudget.check(scratchByteCount, for: "a kernel's scratch memory")
        let scratch = TensorStorage(byteCount: scratchByteCount)
        var pointers = (inputs + results).map { $0.map { $0.memory.storage.base + $0.memory.byteOffset } }
        pointers.append(scratch.base)
        try withExtendedLifetime((inputs, results, scratch)) {
            try pointers.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try run(Operands(base, inputCount: inputs.count, outputCount: results.count))
            }
        }
    }
}
