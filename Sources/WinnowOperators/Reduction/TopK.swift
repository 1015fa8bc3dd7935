package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The k largest or smallest elements along an axis, best first, and their indices; k is input 1.
package struct TopK: Operator {
    package static let type = OperatorType("TopK")
    package static let maximumInputCount = 2
    package static let maximumOutputCount = 2

    package var axis: Int
    package var takesLargest: Bool
    package var isSorted: Bool
    /// k as an attribute, before operator set 10.
    package var count: Int?

    package init(axis: Int = -1, takesLargest: Bool = true, isSorted: Bool = true) {
        self.axis = axis
        self.takesLargest = takesLargest
        self.isSorted = isSorted
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            axis: try attributes.int("axis", default: -1), takesLargest: try attributes.flag("largest", default: true),
            isSorted: try attributes.flag("sorted", default: true))
        count = version < 10 ? try attributes.int("k") : nil
    }

    package var attributes: Attributes {
        if let count { return ["axis": .int(axis), "k": .int(count)] }
        var attributes: Attributes = ["axis": .int(axis)]
        if !takesLargest { attributes["largest"] = .int(0) }
        if !isSorted { attributes["sorted"] = .int(0) }
        return attributes
    }

    package var minimumVersion: Int { count != nil ? 1 : takesLargest && isSorted ? 10 : 11 }

    package var maximumVersion: Int { count == nil ? .max : 9 }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.edit(replacing: node, with: TopK(axis: axis), inputs: [("k", count.map { Tensor([Int64($0)]) })])
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard var extents = data.extents else { return [ValueInfo(data.elementType, nil), ValueInfo(.int64, nil)] }
        let axis = try self.axis.normalizedAxis(rank: extents.count)
        let count = try self.count ?? inputs.required(1).integers?.first
        extents[axis] = count.map { .fixed($0) } ?? .unknown
        return [ValueInfo(data.elementType, extents), ValueInfo(.int64, extents)]
    }

    /// `"a., . -> a., .."`: indices are not to be touched.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, let axis = try? axis.normalizedAxis(rank: rank) else { return .opaque }
        var map = AxisMap.passing(inputs, except: [axis])
        if !map.isOpaque { map.outputs.append([AxisTerm](repeating: .opaque, count: rank)) }
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let axis = try self.axis.normalizedAxis(rank: data.shape.rank)
        let output = request.outputs[0].shape
        let top = try TopKKernel(data.elementType, data.shape, axis: axis, count: output[axis], largest: takesLargest)
        var layout = ScratchLayout()
        let unreadValues = layout.reserve(output.elementCount, of: data.elementType)
        let unreadIndices = layout.reserve(output.elementCount, of: .int64)
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            top.run(
                operands.input(0), values: operands.optionalOutput(0) ?? scratch + unreadValues,
                indices: (operands.optionalOutput(1) ?? scratch + unreadIndices).assumingMemoryBound(to: Int64.self))
        }
    }

    /// The gradient goes to where the elements came from.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        guard let gradient = context.outputGradients.first ?? nil, let indices = context.node.output(1) else { return nil }
        let builder = context.builder
        let type = context.info(of: gradient)?.elementType ?? .float32
        let zeros = try builder.add(
            ConstantOfShape(Tensor([0], shape: [1], as: type)), builder.add(ShapeOf(), context.input(0)))
        let op = ScatterElements(axis: axis, reduction: .add)
        return [try builder.add(op, zeros, indices, gradient)] + context.node.inputs.dropFirst().map { _ in nil }
    }
}
