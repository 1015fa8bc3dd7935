import WinnowGraph
import WinnowKernels
import WinnowTensor

extension KernelRequest {
    /// The kernel of a contraction in float32 that is thought to be fastest: the dense one, one that leaves out the zeros of its constant
    /// filter, one of fewer multiplications. Inputs: data, filter, bias, residual.
    ///
    /// - Parameters:
    ///   - product: what zeros can be left out of.
    ///   - convolution: what tiles can be made of.
    func kernel(
        _ product: SparseProduct?, _ convolution: WinogradConvolution?, _ epilogue: Epilogue, dense: @escaping () throws -> Kernel
    ) throws -> Kernel {
        guard let product, arithmetic == .fast, let filter = optionalInput(1), filter.constant != nil else {
            return try kernel(convolution, besides: product?.denseCost(), epilogue, dense: dense)
        }
        var others: [KernelCandidate] = []
        if let density = filter.withConstant({ $0.map { product.density(of: $0) } }), density < 0.7 {
            others.append(KernelCandidate(sparseName(density), cost: product.cost(density: density)) {
                try filter.withConstant { weights in
                    try weights.map { Self.kernel(try SparseProductKernel(product, weights: $0, epilogue: epilogue)) }
                }
            })
        }
        return try kernel(convolution, or: others, besides: product.denseCost(), epilogue, dense: dense)
    }

    /// The dense kernel, that of tiles or one of the others; the dense one where its nanoseconds are not known.
    ///
    /// - Parameter epilogue: nil: neither bias nor residual is among the inputs.
    func kernel(
        _ convolution: WinogradConvolution?, or others: [KernelCandidate] = [], besides denseCost: Double?, _ epilogue: Epilogue?,
        dense: @escaping () throws -> Kernel
    ) throws -> Kernel {
        guard let denseCost, arithmetic == .fast, let filter = optionalInput(1) else { return try dense() }
        var others = others
        if let convolution {
            let cost = convolution.cost(isConstant: filter.constant != nil)
            others.append(KernelCandidate("Winograd \(convolution.side)×\(convolution.side)", cost: cost) {
                try filter.withConstant { weights in
                    if let weights, convolution.error(of: weights) >= Self.largestTileError { return nil }
                    let kernel = try WinogradConvolutionKernel(convolution, filter: weights, epilogue: epilogue ?? .none)
                    return Self.kernel(kernel, isConstant: weights != nil, hasBias: epilogue != nil)
                }
            })
        }
        return others.isEmpty ? try dense() : try kernel(of: KernelCandidate("dense", cost: denseCost, make: dense), or: others)
    }

    /// In parts of the largest result.
    private static let largestTileError = 1e-4

    private static func kernel(_ product: SparseProductKernel) -> Kernel {
        Kernel(scratchByteCount: product.scratchByteCount) { operands in
            product.run(
                source: operands.input(0), bias: operands.optionalInput(2), residual: operands.optionalInput(3),
                target: operands.output(0), scratch: operands.scratch)
        }
    }

    private static func kernel(_ convolution: WinogradConvolutionKernel, isConstant: Bool, hasBias: Bool) -> Kernel {
        Kernel(scratchByteCount: convolution.scratchByteCount) { operands in
            try convolution.run(
                source: operands.input(0), filter: isConstant ? nil : operands.input(1),
                bias: hasBias ? operands.optionalInput(2) : nil, residual: hasBias ? operands.optionalInput(3) : nil, target: operands.output(0), scratch: operands.scratch)
        }
    }

    /// A kernel that leaves out zeros of codes in blocks of four along the sum; nil where the dense one is thought to be faster.
    func kernel(leavingOutZerosOf product: SparseProduct?, _ edges: QuantizedEdges) throws -> Kernel? {
        guard let product, arithmetic != .exact,
            let sparse = try edges.withContraction(self, { SparseProductKernel(product, $0) })
        else { return nil }
        var kernel = Kernel(scratchByteCount: sparse.scratchByteCount) { operands in
            sparse.run(source: operands.input(0), target: operands.output(0), scratch: operands.scratch)
        }
        kernel.name = sparseName(sparse.density)
        return kernel
    }

    private func sparseName(_ density: Double) -> String { "sparse: \((density * 1000).rounded() / 10) % of weights" }
}
