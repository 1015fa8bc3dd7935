package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// softmax(scale · Q Kᵀ + mask) V over batches of matrices: what attention becomes when planned, its operands and its result
/// wherever they lie.
///
/// Inputs: Q (batch…, queries, depth), K (batch…, keys, depth), V (batch…, keys, width), mask (batch…, queries, keys), each
/// seen as its view says; all but the last two axes broadcast.
package struct ScaledDotProduct: Operator {
    package static let type = OperatorType("ScaledDotProduct", domain: "winnow")

    package var scale: Float
    /// Whether queries that may look nowhere give zeros; else they give NaN.
    package var clearsBlindRows: Bool
    /// Of Q, K and V.
    package var views: [OperandView]
    /// The axis of the result that comes at each place; nil: as they are.
    package var resultOrder: [Int]?

    package init(
        scale: Float = 1, clearsBlindRows: Bool = false,
        views: [OperandView] = [OperandView(), OperandView(), OperandView()], resultOrder: [Int]? = nil
    ) {
        self.scale = scale
        self.clearsBlindRows = clearsBlindRows
        self.views = views
        self.resultOrder = resultOrder
    }

    private static let names = ["query", "key", "value"]

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            scale: try attributes.float("scale", default: 1), clearsBlindRows: try attributes.flag("clears", default: false),
            views: try Self.names.map { try OperandView(attributes: attributes, $0) },
            resultOrder: try attributes.ints("result_axes"))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["scale": .float(scale)]
        if clearsBlindRows { attributes["clears"] = .int(1) }
        for (view, name) in zip(views, Self.names) { view.add(to: &attributes, name) }
        if let resultOrder { attributes["result_axes"] = .ints(resultOrder) }
        return attributes
    }

    package var quantization: QuantizationRule { .contraction }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let operands = try (0..<3).map { try inputs.required($0) }
        guard let result = try resultExtents(inputs) else { return [ValueInfo(operands[0].elementType, nil)] }
        return [ValueInfo(operands[0].elementType, try order(rank: result.count).map { result[$0] })]
    }

    private func order(rank: Int) throws -> [Int] { try Transpose(resultOrder ?? Array(0..<rank)).order(rank: rank) }

    /// The extents of the result before its axes are put in order: batch, queries, width.
    private func resultExtents(_ inputs: [ValueInfo?]) throws -> [Extent]? {
        let operands = try (0..<3).map { try views[$0].extents(of: inputs.required($0)) }
        guard let query = operands[0], let key = operands[1], let value = operands[2] else { return nil }
        var batch = try Extent.broadcast(Array(query.dropLast(2)), Array(key.dropLast(2)))
        batch = try Extent.broadcast(batch, Array(value.dropLast(2)))
        var queries = query[query.count - 2]
        var keys = key[key.count - 2]
        if let mask = inputs.optional(3) {
            guard let extents = mask.extents else { return nil }
            batch = try Extent.broadcast(batch, Array(extents.dropLast(2)))
            if extents.count > 1 { queries = try Extent.broadcast([queries], [extents[extents.count - 2]])[0] }
            if let last = extents.last { keys = try Extent.broadcast([keys], [last])[0] }
        }
        for (a, b) in [(query[query.count - 1], key[key.count - 1]), (keys, value[value.count - 2])] {
            if let a = a.value, let b = b.value, a != b { throw WinnowError(.shape, "operands", "do not fit: \(a) is not \(b)") }
        }
        return batch + [queries, value[value.count - 1]]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let kernel = try AttentionKernel(
            geometry(request), scale: scale, clearsBlindRows: clearsBlindRows, math: request.arithmetic.math)
        return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
            try kernel.run(
                AttentionKernel.Operands(
                    query: operands.input(0, as: Float.self), keys: operands.input(1, as: Float.self),
                    values: operands.input(2, as: Float.self),
                    mask: operands.optionalInput(3)?.assumingMemoryBound(to: Float.self),
                    target: operands.output(0, as: Float.self)),
                scratch: operands.scratch)
        }
    }

    private func geometry(_ request: KernelRequest) throws -> AttentionGeometry {
        let infos = request.inputs.map { $0.map(ValueInfo.init(operand:)) }
        let shapes = try (0..<3).map { try request.input($0).shape }
        guard let extents = try resultExtents(infos)?.map({ $0.value ?? 0 }) else {
            throw WinnowError(.unsupported, request.nodeName, "its shape is not known")
        }
        let batch = Shape(Array(extents.dropLast(2)))
        let (queries, width) = (extents[batch.rank], extents[batch.rank + 1])
        let valueAxes = try views[2].axes(rank: shapes[2].rank)
        let keys = shapes[2][valueAxes[valueAxes.count - 2]]
        let strides = Shape(try order(rank: extents.count).map { extents[$0] }).strides
        var steps = [Int](repeating: 0, count: extents.count)
        for (place, axis) in try order(rank: extents.count).enumerated() { steps[axis] = strides[place] }
        return AttentionGeometry(
            batch: batch,
            query: try views[0].places(in: shapes[0], batch: batch, rows: queries),
            key: try views[1].places(in: shapes[1], batch: batch, rows: keys),
            value: try views[2].places(in: shapes[2], batch: batch, rows: keys),
            target: MatrixPlaces(
                rows: queries, columns: width, batchStrides: Array(steps.dropLast(2)), rowStride: steps[batch.rank],
                columnStride: steps[batch.rank + 1]),
            mask: try request.optionalInput(3).map { mask in
                let padded = Shape([Int](repeating: 1, count: max(0, 2 - mask.shape.rank)) + mask.shape.extents)
                var places = try OperandView().places(in: padded, batch: batch, rows: queries)
                places.columns = keys
                if padded[padded.rank - 1] == 1 { places.columnStride = 0 }
                if padded[padded.rank - 2] == 1 { places.rowStride = 0 }
                return places
            })
    }

    /// Batch axes and queries run through; depth, width and keys are inside. `s` counts the products of both contractions.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let result = try? resultExtents(inputs), result.count <= 12, let order = try? order(rank: result.count) else {
            return .opaque
        }
        let batch = Array("abcdefghij".prefix(result.count - 2)).map { Optional($0) }
        let labels: [[Character?]] = [batch + ["q", nil], batch + ["k", nil], batch + ["k", nil], batch + ["q", "k"]]
        var terms: [[AxisTerm]] = []
        var products = 0
        for (index, info) in inputs.enumerated() {
            guard let info else { terms.append([]); continue }
            let view = index < 3 ? views[index] : OperandView(Array(0..<(info.rank ?? 0)))
            guard let extents = info.extents, let own = try? view.terms(rank: extents.count, labels[index], extents) else {
                return .opaque
            }
            terms.append(own)
            if index == 0 || index == 2, let last = try? view.axes(rank: extents.count).last {
                products += extents[last].value ?? 0
            }
        }
        let places = (batch + ["q", nil]).map { $0.map { AxisTerm.label($0) } ?? .opaque }
        return AxisMap(inputs: terms, outputs: [order.map { places[$0] }], extents: products > 0 ? ["s": products] : [:],
            pinned: ["k"])
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try readingInPlace(node, in: graph) ?? writingInPlace(node, in: graph)
    }
}
