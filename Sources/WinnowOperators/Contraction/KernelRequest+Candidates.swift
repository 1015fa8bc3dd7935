import WinnowGraph
import WinnowKernels
import WinnowTensor

extension KernelRequest {
    /// The kernel of a contraction in float32 that is thought to be fastest: the dense one, one that leaves out the zeros of its constant
    /// filter, one of fewer multiplications. Inputs: data, filter, bias, residual.
    ///
    /// - Parameters:
    ///   - product: what zeros can be left out of.
    ///   - convolution: what tiles can be made of; exact where the error with the filter is small.
    func kernel(
        _ product: SparseProduct?, _ convolution: WinogradConvolution?, _ epilogue: Epilogue, dense: @escaping () throws -> Kernel
    ) throws -> Kernel {
        guard let product, arithmetic == .fast, let filter = optionalInput(1), filter.constant != nil else {
            return try dense()
        }
        let others = [
            sparse(product, filter, epilogue), convolution.flatMap { winograd($0, filter, epilogue, below: 0.9 * product.denseCost()) },
        ].compactMap(\.self)
        guard !others.isEmpty else { return try dense() }
        return try kernel(of: KernelCandidate("dense", cost: product.denseCost(), make: dense), or: others)
    }

    private func sparse(_ product: SparseProduct, _ filter: OperandPlan, _ epilogue: Epilogue) -> KernelCandidate? {
        guard let density = filter.withConstant({ $0.map { product.density(of: $0) } }), density < 0.7 else { return nil }
        return KernelCandidate(sparseName(density), cost: product.cost(density: density)) {
            let kernel = try filter.withConstant { try SparseProductKernel(product, weights: Self.present($0), epilogue: epilogue) }
            return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
                kernel.run(
                    source: operands.input(0), bias: operands.optionalInput(2), residual: operands.optionalInput(3),
                    target: operands.output(0), scratch: operands.scratch)
            }
        }
    }

    private func winograd(
        _ convolution: WinogradConvolution, _ filter: OperandPlan, _ epilogue: Epilogue, below limit: Double
    ) -> KernelCandidate? {
        guard convolution.cost < limit, filter.withConstant({ $0.map { convolution.error(of: $0) < 1e-4 } }) == true else { return nil }
        return KernelCandidate("Winograd \(convolution.side)×\(convolution.side)", cost: convolution.cost) {
            let kernel = try filter.withConstant {
                try WinogradConvolutionKernel(convolution, filter: Self.present($0), epilogue: epilogue)
            }
            return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
                try kernel.run(
                    source: operands.input(0), bias: operands.optionalInput(2), residual: operands.optionalInput(3),
                    target: operands.output(0), scratch: operands.scratch)
            }
        }
    }

    private static func present(_ constant: UnsafeRawPointer?) throws -> UnsafeRawPointer {
        guard let constant else { throw WinnowError(.model, "filter", "is no constant") }
        return constant
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
