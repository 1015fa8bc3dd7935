package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A value repeated by NumPy's broadcasting to the shape both input 0 and the shape in input 1 broadcast to.
package struct Expand: Operator {
    package static let type = OperatorType("Expand")
    package static let maximumInputCount = 2

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package var minimumVersion: Int { 8 }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { graph.reshaping(of: node) == .unchanged ? .unchanged : nil }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents, let target = try inputs.required(1).countedExtents else {
            return [ValueInfo(data.elementType, nil)]
        }
        let rank = max(extents.count, target.count)
        let result = try (0..<rank).map { position -> Extent in
            let a = position - (rank - extents.count) < 0 ? 1 : extents[position - (rank - extents.count)]
            let b = position - (rank - target.count) < 0 ? 1 : target[position - (rank - target.count)]
            if a == b || b == 1 { return a }
            if a == 1 { return b }
            if let x = a.value, let y = b.value {
                throw WinnowError(.shape, "axis \(position)", "\(x) does not broadcast to \(y)")
            }
            return a.value.map { .fixed($0) } ?? b.value.map { .fixed($0) } ?? .unknown
        }
        return try evaluatingConstants([ValueInfo(data.elementType, result)], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, output) = (try request.input(0), request.outputs[0])
        if data.shape.elementCount == output.shape.elementCount { return .view }
        let copy = try StridedCopy.expand(data.shape, to: output.shape, output.elementType)
        return Kernel { copy.run(from: $0.input(0), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let info = (try? outputs(for: inputs))?.first, let rank = info.rank else { return .opaque }
        var map = AxisMap.elementwise(inputs: [inputs.optional(0), info], outputRank: rank).replacingInput(1, with: [.opaque])
        guard let count = inputs.optional(1)?.countedExtents?.count, let result = map.outputs.first else { return .opaque }
        map.inputCounts[1] = Array(result.suffix(count))
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.add(ShapeOf(), context.input(0))
        return [try context.builder.add(SumToShape(), context.outputGradient(), shape), nil]
    }
}

extension AxisMap {
    /// The same map with other terms for one input.
    func replacingInput(_ index: Int, with terms: [AxisTerm]) -> AxisMap {
        var map = self
        if map.inputs.indices.contains(index) { map.inputs[index] = terms }
        return map
    }
}
