package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Slices addressed by the tuples along the last axis of the indices, separately for each index of the batch axes.
package struct GatherND: Operator {
    package static let type = OperatorType("GatherND")
    package static let maximumInputCount = 2

    /// How many leading axes data and indices share.
    package var batchRank: Int

    package init(batchRank: Int = 0) { self.batchRank = batchRank }

    package init(attributes: Attributes, version: Int) throws {
        self.init(batchRank: try attributes.int("batch_dims", default: 0))
        guard batchRank >= 0 else { throw WinnowError(.model, "batch_dims", "is \(batchRank)") }
    }

    package var attributes: Attributes { batchRank == 0 ? [:] : ["batch_dims": .int(batchRank)] }
    package var minimumVersion: Int { batchRank == 0 ? 11 : 12 }
    package var quantization: QuantizationRule { .keepsScale }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents, let places = try inputs.required(1).extents, let length = places.last?.value,
            length + batchRank <= extents.count, batchRank < places.count
        else { return [ValueInfo(data.elementType, nil)] }
        return [ValueInfo(data.elementType, places.dropLast() + extents[(length + batchRank)...])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (data, indices) = (try request.input(0), try request.input(1))
        let (slice, tuple) = (Shape(Array(data.shape.dropFirst(batchRank))), Shape(Array(indices.shape.dropFirst(batchRank))))
        guard data.shape.prefix(batchRank).elementsEqual(indices.shape.prefix(batchRank)) else {
            throw WinnowError(.shape, request.nodeName, "data and indices differ in their batch axes")
        }
        let tuples = try TupleIndexKernel(slice, indices: tuple, indexType: indices.elementType, data.elementType)
        let count = data.shape.prefix(batchRank).reduce(1, *)
        let steps = [data.byteCount, indices.byteCount, request.outputs[0].byteCount].map { $0 / max(count, 1) }
        return Kernel { operands in
            for batch in 0..<count {
                try tuples.gather(
                    operands.input(0) + batch * steps[0], indices: operands.input(1) + batch * steps[1],
                    to: operands.output(0) + batch * steps[2])
            }
        }
    }

    /// `"a.d, ax. -> axd"`: batch axes, what the tuples address, the axes of the slices.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = AxisMap.letters
        guard let rank = inputs.optional(0)?.rank, let indices = inputs.optional(1)?.extents, let length = indices.last?.value,
            batchRank < indices.count, length + batchRank <= rank, rank + indices.count <= letters.count
        else { return .opaque }
        let data = (0..<rank).map { AxisTerm.label(letters[$0]) }
        let (batch, slices) = (Array(data[..<batchRank]), Array(data[(batchRank + length)...]))
        let places = batch + (batchRank..<(indices.count - 1)).map { .label(letters[rank + $0]) }
        return AxisMap(
            inputs: [batch + [AxisTerm](repeating: .opaque, count: length) + slices, places + [.opaque]], outputs: [places + slices])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        guard try batchRank == 0 || builder.info(of: context.input(1))?.rank != nil else { return nil }
        let indices = try addressingBatches(context.input(1), builder)
        let type = context.info(of: try context.input(0))?.elementType ?? .float32
        let zeros = try builder.add(
            ConstantOfShape(Tensor([0], shape: [1], as: type)), builder.add(ShapeOf(), context.input(0)))
        return [try builder.add(ScatterND(reduction: .add), zeros, indices, context.outputGradient()), nil]
    }

    /// The indices with the batch axes' own in front of each tuple.
    private func addressingBatches(_ indices: ValueName, _ b: GraphBuilder) throws -> ValueName {
        guard batchRank > 0 else { return indices }
        let (rank, type) = (try b.rank(of: indices), b.elementType(of: indices))
        var columns = try (0..<batchRank).map { axis in
            let counted = try b.counting(axis, of: indices)
            let numbers = try type == .int64 ? counted : b.add(Cast(to: type), counted)
            let first = try b.sliced(indices, axis: rank - 1, 0..<1)
            return try b.add(b.multiply(first, by: 0), b.reshaped(numbers, (0..<rank).map { $0 == axis ? -1 : 1 }))
        }
        columns.append(indices)
        return try b.add(Concat(axis: rank - 1), inputs: columns)[0]
    }
}
