import WinnowGraph
import WinnowKernels
import WinnowTensor

extension KernelRequest {
    /// The dense kernel of a contraction in float32, or one that leaves out the zeros of its constant filter where that is thought to
    /// be faster. Inputs: data, filter, bias, residual.
    func kernel(leavingOutZerosOf product: SparseProduct?, _ epilogue: Epilogue, dense: @escaping () throws -> Kernel) throws -> Kernel {
        guard let product, options.math == .float32, let filter = optionalInput(1), filter.constant != nil,
            let density = filter.withConstant({ $0.map { product.density(of: $0) } }), density < 0.7
        else { return try dense() }
        let sparse = KernelCandidate(sparseName(density), cost: product.cost(density: density)) {
            let kernel = try filter.withConstant { weights in
                try weights.map { try SparseProductKernel(product, weights: $0, epilogue: epilogue) }
            }
            guard let kernel else { return try dense() }
            return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
                kernel.run(
                    source: operands.input(0), bias: operands.optionalInput(2), residual: operands.optionalInput(3),
                    target: operands.output(0), scratch: operands.scratch)
            }
        }
        return try self.kernel(of: KernelCandidate("dense", cost: product.denseCost(), make: dense), or: [sparse])
    }

    /// A kernel that leaves out zeros of codes in blocks of four along the sum; nil where the dense one is thought to be faster.
    func kernel(leavingOutZerosOf product: SparseProduct?, _ edges: QuantizedEdges) throws -> Kernel? {
        guard let product, options.choosesKernels,
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
