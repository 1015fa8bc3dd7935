package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Softmax or its logarithm along `axis`.
package protocol SoftmaxFamily: Operator {
    var axis: Int { get }
    /// Before operator-set 13: over all axes from `axis` on together.
    var flattens: Bool { get }
    static var isLogarithm: Bool { get }
    init(axis: Int, flattens: Bool)
}

extension SoftmaxFamily {
    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: version < 13 ? 1 : -1), flattens: version < 13)
    }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { flattens ? 1 : 13 }
    package var maximumVersion: Int { flattens ? 12 : .max }

    /// Along the last axis nothing changes; else the data is flattened before and takes its shape again after.
    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        if let rank = graph.info(of: node.input(0))?.rank, try axis.normalizedAxis(rank: rank) == rank - 1 {
            return graph.edit(replacing: node, with: Self(axis: -1, flattens: false), inputs: [])
        }
        let builder = GraphBuilder(extending: graph.graph)
        if builder.isEmpty(node.input(0) ?? "") { return graph.edit(replacing: node, with: Identity(), inputs: []) }
        let flat = try builder.add(Flatten(axis: axis), node.input(0), name: "\(node.name).flat")
        let result = try builder.add(Self(axis: -1, flattens: false), flat, name: "\(node.name).rows")
        let shape = try builder.add(ShapeOf(), node.input(0), name: "\(node.name).shape")
        var edit = builder.edit()
        edit.removedNodes = [node.name]
        edit.addedNodes.append(Node(name: node.name, op: Reshape(), inputs: [result, shape], outputs: node.outputs))
        return edit
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        if let rank = data.rank { _ = try axis.normalizedAxis(rank: rank) }
        return [ValueInfo(data.type)]
    }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        guard let logits = node.input(0), let rank = graph.info(of: logits)?.rank, let axis = try? axis.normalizedAxis(rank: rank) else { return nil }
        return Probabilities(logits, along: axis..<(flattens ? rank : axis + 1), areLogarithms: Self.isLogarithm)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let shape = try request.input(0).shape
        let softmax = try softmaxShape(shape)
        if softmax.shape.rank == 3, softmax.shape[2] > 1 {
            let columns = ColumnSoftmax(softmax.shape, logarithm: Self.isLogarithm)
            return Kernel(placement: .mayOverwrite([0])) { operands in
                columns.run(source: operands.input(0, as: Float.self), target: operands.output(0, as: Float.self))
            }
        }
        if !Self.isLogarithm {
            let rows = RowSoftmax(rows: softmax.shape[0], width: softmax.shape[1])
            return Kernel(placement: .mayOverwrite([0])) { operands in
                rows.run(source: operands.input(0, as: Float.self), target: operands.output(0, as: Float.self))
            }
        }
        let kernel = try SoftmaxKernel(softmax.shape, axis: softmax.axis, logarithm: Self.isLogarithm)
        return Kernel(placement: .mayOverwrite([0]), scratchByteCount: kernel.scratchByteCount) { operands in
            try kernel.run(source: operands.input(0), target: operands.output(0), scratch: operands.scratch)
        }
    }

    /// The shape with the axes merged that are summed over together, and others as oneDNN can take them.
    func softmaxShape(_ shape: Shape) throws -> (shape: Shape, axis: Int) {
        let axis = try axis.normalizedAxis(rank: shape.rank)
        let outer = Shape(Array(shape[..<axis])).elementCount
        let rest = Shape(Array(shape[axis...])).elementCount
        if flattens { return ([outer, rest], 1) }
        return ([outer, shape[axis], rest / max(shape[axis], 1)], 1)
    }

    /// All axes are the data's; those that are summed over are opaque.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, rank <= 20, let axis = try? axis.normalizedAxis(rank: rank) else {
            return .opaque
        }
        let letters = Array("abcdefghijklmnopqrst")
        let terms = (0..<rank).map { index -> AxisTerm in
            (flattens ? index >= axis : index == axis) ? .opaque : .label(letters[index])
        }
        return AxisMap(inputs: [terms], outputs: [terms])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.builder.add(
            SoftmaxGradient(axis: axis, flattens: flattens, isLogarithm: Self.isLogarithm), context.outputGradient(),
            context.output(0))]
    }
}
