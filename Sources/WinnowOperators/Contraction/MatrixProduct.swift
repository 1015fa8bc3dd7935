package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// activation(alpha · A′ B′ + bias + residual) over the last two axes, A′ and B′ transposed if asked: what matrix
/// products become when planned. Inputs: A, B, bias (N), residual in the shape of the output.
package struct MatrixProduct: Operator, ChannelContraction {
    package static let type = OperatorType("MatrixProduct", domain: "winnow")

    package var transposesLeft: Bool
    package var transposesRight: Bool
    package var alpha: Float
    package var activation: Activation?

    package init(
        transposesLeft: Bool = false, transposesRight: Bool = false, alpha: Float = 1, activation: Activation? = nil
    ) {
        self.transposesLeft = transposesLeft
        self.transposesRight = transposesRight
        self.alpha = alpha
        self.activation = activation
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            transposesLeft: try attributes.flag("transA", default: false),
            transposesRight: try attributes.flag("transB", default: false),
            alpha: try attributes.float("alpha", default: 1), activation: try Activation(attributes: attributes))
    }

    package var attributes: Attributes {
        var result = Attributes()
        if transposesLeft { result["transA"] = .int(1) }
        if transposesRight { result["transB"] = .int(1) }
        if alpha != 1 { result["alpha"] = .float(alpha) }
        activation?.add(to: &result)
        return result
    }

    package var quantization: QuantizationRule { .contraction }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (left, right) = (try inputs.required(0), try inputs.required(1))
        guard left.elementType == right.elementType else {
            throw WinnowError(.model, "inputs", "are \(left.elementType) and \(right.elementType), but must have one type")
        }
        guard let a = left.extents, let b = right.extents else { return [ValueInfo(left.elementType, nil)] }
        guard !a.isEmpty, !b.isEmpty else { throw WinnowError(.shape, "inputs", "must have at least one axis") }
        let depth = (a[a.count == 1 || !transposesLeft ? a.count - 1 : a.count - 2],
            b[b.count == 1 || transposesRight ? b.count - 1 : b.count - 2])
        if let x = depth.0.value, let y = depth.1.value, x != y {
            throw WinnowError(.shape, "inputs \(left.type) and \(right.type)", "do not fit: \(x) is not \(y)")
        }
        var result = try Extent.broadcast(Array(a.dropLast(2)), Array(b.dropLast(2)))
        if a.count > 1 { result.append(a[transposesLeft ? a.count - 1 : a.count - 2]) }
        if b.count > 1 { result.append(b[transposesRight ? b.count - 2 : b.count - 1]) }
        return [ValueInfo(left.elementType, result)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let type = request.outputs[0].elementType
        let isExact = ExactMatMulKernel.supports(type) && request.inputs.allSatisfy { $0?.elementType ?? type == type }
        return isExact ? try exactKernel(request) : try request.inFloat32(floatKernel)
    }

    private func geometry(_ request: KernelRequest) throws -> MatMulGeometry {
        let (left, right) = (try request.input(0).shape, try request.input(1).shape)
        return MatMulGeometry(
            left: left.rank == 1 ? [1] + left : left, right: right.rank == 1 ? right + [1] : right,
            transposesLeft: transposesLeft && left.rank > 1, transposesRight: transposesRight && right.rank > 1)
    }

    /// Float64 and wide integers in their own type: the product, then one loop for each thing fused to it.
    private func exactKernel(_ request: KernelRequest) throws -> Kernel {
        let (output, product) = (request.outputs[0], try ExactMatMulKernel(geometry(request), request.outputs[0].elementType))
        let factor = alpha == 1 ? nil : try UnaryKernel(.affine(scale: Double(alpha), offset: 0), output.elementType)
        let terms = try (2..<4).compactMap { index in
            try request.optionalInput(index).map { (index, try BinaryKernel(.add, output.elementType, output.shape, $0.shape)) }
        }
        guard terms.allSatisfy({ $0.1.shape == output.shape }) else {
            throw WinnowError(.shape, request.nodeName, "what is added does not fit the product \(output.shape)")
        }
        let last = try activation?.step.function.map { try UnaryKernel($0, output.elementType) }
        let count = output.shape.elementCount
        return Kernel { operands in
            let target = operands.output(0)
            product.run(left: operands.input(0), right: operands.input(1), to: target)
            factor?.run(from: target, to: target, count: count)
            for (index, term) in terms { term.run(target, operands.input(index), to: target) }
            last?.run(from: target, to: target, count: count)
        }
    }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let (geometry, right) = (try geometry(request), try request.input(1))
        try geometry.validate()
        var steps: [Epilogue.Step] = request.optionalInput(3) == nil ? [] : [.addResidual()]
        if let activation { steps.append(activation.step) }
        return try request.kernel(alpha == 1 ? SparseProduct(geometry) : nil, nil, Epilogue(steps)) {
            try denseKernel(request, geometry, right, Epilogue(steps))
        }
    }

    private func denseKernel(
        _ request: KernelRequest, _ geometry: MatMulGeometry, _ right: OperandPlan, _ epilogue: Epilogue
    ) throws -> Kernel {
        let isConstant = right.constant != nil
        let product = try right.withConstant { constant in
            try MatMulKernel(
                geometry, constantRight: constant, hasBias: request.optionalInput(2) != nil, alpha: alpha, epilogue: epilogue,
                math: request.arithmetic.math)
        }
        return Kernel(scratchByteCount: product.scratchByteCount) { operands in
            try product.run(
                left: operands.input(0), right: isConstant ? nil : operands.input(1), bias: operands.optionalInput(2),
                residual: operands.optionalInput(3), target: operands.output(0), scratch: operands.scratch)
        }
    }

    /// `"abmk, abkn, n, abmn -> abmn"` with as many batch axes as there are.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let data = inputs.optional(0), let b = inputs.optional(1)?.extents else { return .opaque }
        guard let a = data.extents else { return axesOfUnknownRank(right: b.count, inputs) }
        let batchRank = max(a.count, b.count, 2) - 2
        guard batchRank <= 10 else { return .opaque }
        let letters = "abcdefghij".prefix(batchRank)
        func batch(_ extents: [Extent], _ other: [Extent]) -> String {
            let own = extents.dropLast(2)
            return zip(letters.suffix(own.count), own).enumerated().map { index, pair in
                let position = other.count - extents.count + index
                let isBroadcast = pair.1 == .fixed(1) && position >= 0 && position < other.count - 2 && other[position] != .fixed(1)
                return isBroadcast ? "1" : String(pair.0)
            }.joined()
        }
        let left = a.count == 1 ? "k" : transposesLeft ? "km" : "mk"
        let right = b.count == 1 ? "k" : transposesRight ? "nk" : "kn"
        let target = letters + (a.count == 1 ? "" : "m") + (b.count == 1 ? "" : "n")
        var operands = [batch(a, b) + left, batch(b, a) + right]
        if inputs.count > 2 { operands.append(inputs[2] == nil ? "" : "n") }
        if inputs.count > 3 { operands.append(inputs[3] == nil ? "" : String(target)) }
        return AxisMap("\(operands.joined(separator: ","))->\(target)")
    }

    /// `"…k, kn, n, …n -> …n"`: the axes of a matrix on the right are known whatever the rank of the data.
    private func axesOfUnknownRank(right rank: Int, _ inputs: [ValueInfo?]) -> AxisMap {
        guard !transposesLeft, rank >= 1 else { return .opaque }
        let matrix = rank == 1 ? "k" : String(repeating: ".", count: rank - 2) + (transposesRight ? "nk" : "kn")
        let target = rank == 1 ? "…" : "…n"
        let more = zip(["n", target], inputs.dropFirst(2)).map { $1 == nil ? "" : $0 }
        return AxisMap("\((["…k", matrix] + more).joined(separator: ","))->\(target)")
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { activation == nil ? zeros.effectOnProduct : .number }

    package func channelAxes(of node: Node, in graph: GraphIndex) -> (filter: Int, output: Int)? {
        guard activation == nil, let rank = graph.info(of: node.output(0))?.rank, rank > 0,
            let filterRank = graph.info(of: node.input(1))?.rank, filterRank > 1
        else { return nil }
        return (filterRank - (transposesRight ? 2 : 1), rank - 1)
    }
}
