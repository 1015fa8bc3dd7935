import WinnowTensor

/// An epilogue by loops over what is stored, for kernels that fuse no more than a residual and bounds.
package struct EpilogueLoops: Sendable {
    /// Between which numbers results lie, where that is all there is to do.
    package let bounds: ClosedRange<Float>
    /// Whether the kernel adds the residual, before it looks at bounds.
    package let addsResidual: Bool
    private let steps: [Step]

    private enum Step { case residual(BinaryKernel), function(UnaryKernel) }
    private let count: Int

    /// For `count` elements of float32 and a residual of as many, which the kernel can add if `addsResidual`.
    package init(_ epilogue: Epilogue, count: Int, addsResidual: Bool = false) throws {
        self.count = count
        self.addsResidual = addsResidual && epilogue.steps.first == .addResidual()
        let rest = epilogue.steps.dropFirst(self.addsResidual ? 1 : 0)
        if rest.count == 1, let bounds = rest.first?.bounds {
            (self.bounds, steps) = (bounds, [])
            return
        }
        bounds = -Float.infinity...Float.infinity
        steps = try rest.map { step in
            guard let function = step.function else {
                guard epilogue.residualType == .float32 else {
                    throw WinnowError(.unsupported, "epilogue", "adds \(epilogue.residualType?.description ?? "nothing")")
                }
                return .residual(try BinaryKernel(.add, .float32, [count], [count]))
            }
            return .function(try UnaryKernel(function, .float32))
        }
    }

    /// Whether there is something to do beside bounds.
    package var isEmpty: Bool { steps.isEmpty }

    package func run(_ target: UnsafeMutableRawPointer, residual: UnsafeRawPointer?) {
        for step in steps {
            switch step {
            case .residual(let sum): if let residual { sum.run(target, residual, to: target) }
            case .function(let function): function.run(from: target, to: target, count: count)
            }
        }
    }
}

extension Epilogue.Step {
    /// The bounds that are all a step does.
    var bounds: ClosedRange<Float>? {
        switch self {
        case .relu: 0...Float.infinity
        case .clip(let low, let high) where low <= high: low...high
        default: nil
        }
    }

    /// nil for the residual.
    package var function: UnaryFunction? {
        switch self {
        case .relu: .relu
        case .leakyRelu(let alpha): .leakyRelu(alpha: alpha)
        case .clip(let low, let high): .clip(low: Double(low), high: Double(high))
        case .sigmoid: .sigmoid
        case .tanh: .tanh
        case .hardSwish: .hardSwish
        case .hardSigmoid(let alpha, let beta): .hardSigmoid(alpha: alpha, beta: beta)
        case .swish(let alpha): .swish(alpha: alpha)
        case .geluErf: .gelu
        case .geluTanh: .geluTanh
        case .elu(let alpha): .elu(alpha: alpha)
        case .linear(let alpha, let beta): .affine(scale: Double(alpha), offset: Double(beta))
        case .addResidual: nil
        }
    }
}
