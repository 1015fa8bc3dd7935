package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// alpha · A′ B′ + beta · C of matrices, A′ and B′ transposed if asked; C broadcasts.
package struct Gemm: Operator, ChannelContraction {
    package static let type = OperatorType("Gemm")
    package static let maximumInputCount = 3

    package var transposesLeft: Bool
    package var transposesRight: Bool
    package var alpha: Float
    package var beta: Float

    package init(transposesLeft: Bool = false, transposesRight: Bool = false, alpha: Float = 1, beta: Float = 1) {
        self.transposesLeft = transposesLeft
        self.transposesRight = transposesRight
        self.alpha = alpha
        self.beta = beta
    }

    package init(attributes: Attributes, version: Int) throws {
        // Before operator set 7 it said that C broadcasts, which its shape says too.
        _ = try attributes.int("broadcast")
        self.init(
            transposesLeft: try attributes.flag("transA", default: false),
            transposesRight: try attributes.flag("transB", default: false),
            alpha: try attributes.float("alpha", default: 1), beta: try attributes.float("beta", default: 1))
    }

    package var attributes: Attributes {
        var result = Attributes()
        if transposesLeft { result["transA"] = .int(1) }
        if transposesRight { result["transB"] = .int(1) }
        if alpha != 1 { result["alpha"] = .float(alpha) }
        if beta != 1 { result["beta"] = .float(beta) }
        return result
    }

    package var minimumVersion: Int { 7 }
    package func minimumVersion(of node: Node) -> Int { node.input(2) == nil ? 11 : 7 }
    package var quantization: QuantizationRule { .contraction }

    /// The product alone.
    var product: MatrixProduct {
        MatrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight, alpha: alpha)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        for input in inputs.prefix(2) where (input?.rank ?? 2) != 2 {
            throw WinnowError(.shape, "input \(input?.type.description ?? "")", "is no matrix")
        }
        let results = try product(of: Array(inputs.prefix(2)))
        if let extents = results[0].extents, let term = inputs.optional(2)?.extents,
            try Extent.broadcast(extents, term).count != 2
        {
            throw WinnowError(.shape, "input C \(inputs.optional(2)?.type.description ?? "")", "does not fit the product")
        }
        return results
    }

    /// The product's type: a matrix, whatever is known of the operands.
    private func product(of inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let unknown = ValueInfo(.float32, [.unknown, .unknown])
        let matrices = inputs.map { info in info.map { $0.extents == nil ? ValueInfo($0.elementType, unknown.extents) : $0 } }
        return try product.outputs(for: matrices)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard let term = request.optionalInput(2) else { return try product.kernel(for: request) }
        let columns = request.outputs[0].shape[1]
        if beta == 1, term.shape.elementCount == columns, term.shape.last == columns { return try product.kernel(for: request) }
        return ExactMatMulKernel.supports(request.outputs[0].elementType)
            ? try sumKernel(request) : try request.inFloat32(sumKernel)
    }

    /// The product, and then the third input, scaled in scratch memory where it has to be.
    private func sumKernel(_ request: KernelRequest) throws -> Kernel {
        let (term, output) = (try request.input(2), request.outputs[0])
        var plain = request
        plain.inputs = Array(request.inputs.prefix(2))
        let product = try product.kernel(for: plain)
        let sum = try BinaryKernel(.add, output.elementType, output.shape, term.shape)
        guard sum.shape == output.shape, term.elementType == output.elementType else {
            throw WinnowError(.shape, request.nodeName, "input C does not fit the product \(output.shape)")
        }
        let scale = beta == 1 ? nil : try UnaryKernel(.affine(scale: Double(beta), offset: 0), output.elementType)
        let count = term.shape.elementCount
        let run = product.run
        return Kernel(scratchByteCount: max(product.scratchByteCount, scale == nil ? 0 : term.byteCount)) { operands in
            try run(operands)
            var addend = operands.input(2)
            if let scale, let scratch = operands.scratch {
                scale.run(from: addend, to: scratch, count: count)
                addend = UnsafeRawPointer(scratch)
            }
            sum.run(operands.output(0), addend, to: operands.output(0))
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let left = transposesLeft ? "km" : "mk"
        let right = transposesRight ? "nk" : "kn"
        guard inputs.count > 2 else { return AxisMap("\(left),\(right)->mn") }
        guard let term = inputs[2] else { return AxisMap("\(left),\(right),->mn") }
        guard let extents = term.extents, extents.count <= 2 else { return .opaque }
        let terms = zip("mn".suffix(extents.count), extents).map { $1 == .fixed(1) ? "1" : String($0) }.joined()
        return AxisMap("\(left),\(right),\(terms)->mn")
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.effectOnProduct }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (left, right, target) = (try context.input(0), try context.input(1), try context.outputGradient())
        func product(_ x: ValueName, _ y: ValueName, _ xT: Bool, _ yT: Bool) throws -> ValueName {
            try b.add(Gemm(transposesLeft: xT, transposesRight: yT, alpha: alpha), x, y)
        }
        var gradients: [ValueName?] = [nil, nil]
        if context.needs(0) {
            gradients[0] = transposesLeft
                ? try product(right, target, transposesRight, true) : try product(target, right, false, !transposesRight)
        }
        if context.needs(1) {
            gradients[1] = transposesRight
                ? try product(target, left, true, transposesLeft) : try product(left, target, !transposesLeft, false)
        }
        guard context.node.inputs.count > 2 else { return gradients }
        return gradients + [try context.summed(to: 2, b.multiply(target, by: Double(beta)))]
    }

    package var biasFactor: Float { beta }

    package var withPlainBias: Gemm {
        var result = self
        result.beta = 1
        return result
    }

    package func channelAxes(of node: Node, in graph: GraphIndex) -> (filter: Int, output: Int)? {
        (transposesRight ? 0 : 1, 1)
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        if let folded = try foldingAffine(of: node, in: graph) { return folded }
        guard let width = graph.info(of: node.output(0))?.extents?.last?.value else { return nil }
        if let term = node.input(2) {
            let extents = graph.info(of: term)?.extents
            guard beta == 1, extents == [.fixed(width)] || extents == [.fixed(1), .fixed(width)] else { return nil }
        }
        return try product.lowering(of: node, in: graph)
    }
}

extension GraphBuilder {
    /// x Wᵀ + bias with W as (outputs, inputs).
    package func linear(_ x: ValueName, _ weight: ValueName, _ bias: ValueName? = nil, name: String? = nil) throws -> ValueName {
        try add(Gemm(transposesRight: true), inputs: [x, weight] + (bias.map { [$0] } ?? []), name: name)[0]
    }
}
