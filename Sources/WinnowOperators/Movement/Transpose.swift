package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The axes in another order; without `permutation`, reversed.
package struct Transpose: Operator {
    package static let type = OperatorType("Transpose")
    package static let maximumInputCount = 1

    package var permutation: [Int]?

    package init(_ permutation: [Int]? = nil) { self.permutation = permutation }

    package init(attributes: Attributes, version: Int) throws { self.init(try attributes.ints("perm")) }

    package var attributes: Attributes { permutation.map { ["perm": .ints($0)] } ?? [:] }
    package var quantization: QuantizationRule { .keepsScale }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        guard let rank = permutation?.count ?? graph.info(of: node.input(0))?.rank, let order = try? order(rank: rank) else { return nil }
        return order == Array(order.indices) ? .unchanged : .permuted(order: order)
    }

    /// The source axis of each axis.
    func order(rank: Int) throws -> [Int] {
        let order = permutation ?? Array((0..<rank).reversed())
        guard order.sorted() == Array(0..<rank) else {
            throw WinnowError(.model, "perm", "\(order) does not order \(rank) axes")
        }
        return order
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else {
            return [ValueInfo(data.elementType, permutation.flatMap { [Extent](unknownOfRank: $0.count) })]
        }
        let info = ValueInfo(data.elementType, try order(rank: extents.count).map { extents[$0] })
        return try evaluatingConstants([info], of: inputs)
    }

    /// Between (N, C, spatial…) and (N, spatial…, C) nothing moves if the former lies channels-last.
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        guard let shape = inputs.optional(0)?.shape, shape.rank >= 3, let order = try? order(rank: shape.rank) else {
            return .rowMajor
        }
        let (rows, channels) = (Layout.rowMajor.permutation(rank: shape.rank), Layout.channelsLast.permutation(rank: shape.rank))
        func isView(_ source: [Int], _ target: [Int]) -> Bool {
            source.filter { shape[$0] != 1 } == target.map { order[$0] }.filter { shape[$0] != 1 }
        }
        if isView(rows, rows) { return .rowMajor }
        if isView(rows, channels) { return .channelsLast(inputs: [], outputs: [0]) }
        return isView(channels, rows) ? .channelsLast(inputs: [0], outputs: []) : .rowMajor
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let order = try order(rank: data.shape.rank)
        let source = data.layout.permutation(rank: data.shape.rank).filter { data.shape[$0] != 1 }
        let target = request.outputs[0].layout.permutation(rank: data.shape.rank).map { order[$0] }.filter { data.shape[$0] != 1 }
        if source == target { return .view }
        let copy = try StridedCopy.transpose(data.shape, order, data.elementType)
        return Kernel { copy.run(from: $0.input(0), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank ?? permutation?.count, rank <= letters.count, let order = try? order(rank: rank) else {
            return .opaque
        }
        return AxisMap(
            inputs: [letters[..<rank].map { .label($0) }], outputs: [order.map { .label(letters[$0]) }])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let inverse = permutation.map { order in order.indices.map { axis in order.firstIndex(of: axis) ?? axis } }
        return [try context.builder.add(Transpose(inverse), context.outputGradient())]
    }
}
