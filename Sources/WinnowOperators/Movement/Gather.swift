package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The slices of a value along `axis` that the indices name; negative indices count from the end.
package struct Gather: Operator {
    package static let type = OperatorType("Gather")
    package static let maximumInputCount = 2

    package var axis: Int

    package init(axis: Int = 0) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: 0))
    }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { 1 }
    package var quantization: QuantizationRule { .keepsScale }

    /// All elements in their order.
    package func passing(of node: Node, in graph: GraphIndex) -> Passing? {
        guard let extents = graph.info(of: node.input(0))?.extents, !extents.contains(.unknown), let axis = try? axis.normalizedAxis(rank: extents.count),
            let count = extents[axis].value, let indices = graph.constant(node.input(1)), indices.rank == 1, indices.elementCount == count,
            indices.integers() == Array(0..<count)
        else { return nil }
        return .unchanged
    }

    /// Of probabilities along another axis than the one that is chosen from.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        guard passing(of: node, in: graph) == nil, let own = graph.probabilities(of: node.input(0)),
            let rank = graph.info(of: node.input(0))?.rank, let axis = try? axis.normalizedAxis(rank: rank), !own.axes.contains(axis),
            let indexRank = graph.info(of: node.input(1))?.rank
        else { return nil }
        let shift = axis < own.axes.lowerBound ? indexRank - 1 : 0
        return Probabilities(nil, along: (own.axes.lowerBound + shift)..<(own.axes.upperBound + shift), areLogarithms: own.areLogarithms)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        let indices = try inputs.required(1)
        guard let extents = data.extents, let places = indices.extents else { return [ValueInfo(data.elementType, nil)] }
        let axis = try self.axis.normalizedAxis(rank: extents.count)
        var info = ValueInfo(data.elementType, Array(extents[..<axis]) + places + Array(extents[(axis + 1)...]))
        if let elements = data.symbolicElements, let chosen = indices.integers {
            info.symbolicElements = try chosen.map { elements[try $0.normalizedAxis(rank: elements.count, name: "index")] }
            if let known = info.integers, known.count == chosen.count {
                return [ValueInfo(elements: known.map { .fixed($0) }, rank: places.count)]
            }
        }
        return try evaluatingConstants([info], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let indices = try request.input(1)
        let axis = try self.axis.normalizedAxis(rank: data.shape.rank)
        let gather = try GatherKernel(
            data.shape, axis: axis, indexCount: indices.shape.elementCount, indexType: indices.elementType,
            data.elementType)
        return Kernel { try gather.run($0.input(0), indices: $0.input(1), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, let indices = inputs.optional(1),
            rank + (indices.rank ?? 0) <= letters.count, let axis = try? axis.normalizedAxis(rank: rank),
            axis == 0 || indices.rank != nil
        else { return .opaque }
        let labels = (0..<rank).map { $0 == axis ? AxisTerm.opaque : .label(letters[$0]) }
        let places = indices.rank.map { letters[rank..<(rank + $0)].map { AxisTerm.label($0) } } ?? [.rest]
        var map = AxisMap(inputs: [labels, places], outputs: [Array(labels[..<axis]) + places + Array(labels[(axis + 1)...])])
        if indices.rank == 1, let chosen = AxisMap.chosen(indices.constant?.integers(), along: axis, of: inputs[0]) {
            map.selection = AxisMap.Selection(from: axis, to: axis, chosen, list: 1)
        }
        return map
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.add(ShapeOf(), context.input(0))
        return [
            try context.builder.add(GatherGradient(axis: axis), context.outputGradient(), context.input(1), shape), nil,
        ]
    }
}
