package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// A copy of the data in which slices addressed by index tuples are replaced by, or joined with, updates.
package struct ScatterND: Operator {
    package static let type = OperatorType("ScatterND")

    package var reduction: ScatterReduction

    package init(reduction: ScatterReduction = .none) {
        self.reduction = reduction
    }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("reduction", default: "none")
        guard let reduction = ScatterReduction(rawValue: name) else {
            throw WinnowError(.model, "reduction", "\(name) is not known")
        }
        self.init(reduction: reduction)
    }

    package var attributes: Attributes {
        reduction == .none ? [:] : ["reduction": .string(reduction.rawValue)]
    }

    package var minimumVersion: Int { [.min, .max].contains(reduction) ? 18 : reduction != .none ? 16 : 11 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(2)
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let tuples = try TupleIndexKernel(
            data.shape, indices: indices.shape, reduction, indexType: indices.elementType, data.elementType)
        let byteCount = data.byteCount
        return Kernel(placement: .mayOverwrite([0])) { operands in
            if operands.input(0) != UnsafeRawPointer(operands.output(0)) {
                operands.output(0).copyMemory(from: operands.input(0), byteCount: byteCount)
            }
            try tuples.scatter(updates: operands.input(2), indices: operands.input(1), into: operands.output(0))
        }
    }

    /// Sums pass the gradient on; replaced elements pass none.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        guard reduction == .none || reduction == .add else { return nil }
        let target = try context.outputGradient()
        let updates = try context.builder.add(GatherND(), target, context.input(1))
        guard reduction == .none else { return [target, nil, updates] }
        let type = context.info(of: updates)?.elementType ?? .float32
        let zeros = try context.builder.add(
            ConstantOfShape(Tensor([0], shape: [1], as: type)), context.builder.add(ShapeOf(), context.input(2)))
        return [try context.builder.add(self, target, context.input(1), zeros), nil, updates]
    }
}
