package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// A copy of the data in which slices addressed by index tuples are replaced by, or joined with, updates.
package struct ScatterND: ScatterOperator {
    package static let type = OperatorType("ScatterND")
    package static let maximumInputCount = 3

    package var reduction: ScatterReduction

    package init(reduction: ScatterReduction = .none) {
        self.reduction = reduction
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(reduction: try ScatterReduction(attributes: attributes))
    }

    package var attributes: Attributes {
        reduction == .none ? [:] : ["reduction": .string(reduction.rawValue)]
    }

    package var gathering: any Operator { GatherND() }

    /// `".d, .., .d -> .d"`: the axes of the slices.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = AxisMap.letters
        guard inputs.count == 3, let rank = inputs.optional(0)?.rank, let indices = inputs.optional(1)?.extents,
            let length = indices.last?.value, length < rank, rank <= letters.count
        else { return .opaque }
        func terms(_ addressed: Int) -> [AxisTerm] {
            [AxisTerm](repeating: .opaque, count: addressed) + letters[length..<rank].map { .label($0) }
        }
        return AxisMap(
            inputs: [terms(length), AxisMap.untouched(inputs[1]), terms(indices.count - 1)], outputs: [terms(length)])
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let tuples = try TupleIndexKernel(
            data.shape, indices: indices.shape, reduction, indexType: indices.elementType, data.elementType)
        let slices = indices.shape.dropLast() + data.shape.dropFirst(indices.shape.last ?? 0)
        guard try request.input(2).shape.elementsEqual(slices), try request.input(2).elementType == data.elementType else {
            throw WinnowError(.shape, request.nodeName, "its updates are not \(data.elementType) \(Shape(Array(slices)))")
        }
        let byteCount = data.byteCount
        return Kernel(placement: .mayOverwrite([0])) { operands in
            if operands.input(0) != UnsafeRawPointer(operands.output(0)) {
                operands.output(0).copyMemory(from: operands.input(0), byteCount: byteCount)
            }
            try tuples.scatter(updates: operands.input(2), indices: operands.input(1), into: operands.output(0))
        }
    }
}
