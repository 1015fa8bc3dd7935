package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// A copy of the data in which the element at each index along `axis` is replaced by, or joined with, an update.
package struct ScatterElements: ScatterOperator {
    package static let type = OperatorType("ScatterElements")
    package static let maximumInputCount = 3

    package var axis: Int
    package var reduction: ScatterReduction

    package init(axis: Int = 0, reduction: ScatterReduction = .none) {
        self.axis = axis
        self.reduction = reduction
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: 0), reduction: try ScatterReduction(attributes: attributes))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["axis": .int(axis)]
        if reduction != .none { attributes["reduction"] = .string(reduction.rawValue) }
        return attributes
    }

    package var gathering: any Operator { GatherElements(axis: axis) }

    /// Where updates lie along the axis tells nothing: they replace or join each other.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard inputs.count == 3, let (data, _) = AxisMap.addressing(inputs, along: axis), data.contains(where: { $0 != .opaque })
        else { return .opaque }
        return AxisMap(inputs: [data, data, data], outputs: [data])
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let scatter = try ScatterElementsKernel(
            data.shape, indices: indices.shape, axis: try axis.normalizedAxis(rank: data.shape.rank), reduction,
            indexType: indices.elementType, data.elementType)
        guard try request.input(2).shape == indices.shape, try request.input(2).elementType == data.elementType else {
            throw WinnowError(.shape, request.nodeName, "updates are not \(data.elementType) \(indices.shape)")
        }
        let byteCount = data.byteCount
        return Kernel(placement: .mayOverwrite([0])) { operands in
            if operands.input(0) != UnsafeRawPointer(operands.output(0)) {
                operands.output(0).copyMemory(from: operands.input(0), byteCount: byteCount)
            }
            try scatter.run(updates: operands.input(2), indices: operands.input(1), into: operands.output(0))
        }
    }
}
