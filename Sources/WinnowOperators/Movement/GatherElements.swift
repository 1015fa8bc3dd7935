package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// One element for each index along `axis`.
package struct GatherElements: Operator {
    package static let type = OperatorType("GatherElements")
    package static let maximumInputCount = 2

    package var axis: Int

    package init(axis: Int = 0) { self.axis = axis }

    package init(attributes: Attributes, version: Int) throws { self.init(axis: try attributes.int("axis", default: 0)) }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { 11 }
    package var quantization: QuantizationRule { .keepsScale }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(1).extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let gather = try GatherElementsKernel(
            data.shape, indices: indices.shape, axis: try axis.normalizedAxis(rank: data.shape.rank),
            indexType: indices.elementType, data.elementType)
        return Kernel { try gather.run($0.input(0), indices: $0.input(1), to: $0.output(0)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let (data, places) = AxisMap.addressing(inputs, along: axis) else { return .opaque }
        var map = AxisMap(inputs: [data, places], outputs: [places])
        guard let axis = try? axis.normalizedAxis(rank: data.count), let list = inputs[1]?.constant,
            data.indices.allSatisfy({ $0 == axis || data[$0] != .opaque }),
            let chosen = AxisMap.chosen(Self.numbers(in: list, along: axis), along: axis, of: inputs[0])
        else { return map }
        map.selection = AxisMap.Selection(from: axis, to: axis, chosen, list: 1, listAxis: axis)
        return map
    }

    /// The numbers along an axis of a list that says the same wherever else; nil for one that does not.
    private static func numbers(in list: Tensor, along axis: Int) -> [Int]? {
        let (numbers, extent, inner) = (list.integers(), list.shape[axis], list.shape[(axis + 1)...].reduce(1, *))
        guard !numbers.isEmpty else { return nil }
        let own = (0..<extent).map { numbers[$0 * inner] }
        return numbers.indices.allSatisfy { numbers[$0] == own[$0 / inner % extent] } ? own : nil
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        let type = context.info(of: try context.input(0))?.elementType ?? .float32
        let zeros = try builder.add(
            ConstantOfShape(Tensor([0], shape: [1], as: type)), builder.add(ShapeOf(), context.input(0)))
        let op = ScatterElements(axis: axis, reduction: .add)
        return [try builder.add(op, zeros, context.input(1), context.outputGradient()), nil]
    }
}
