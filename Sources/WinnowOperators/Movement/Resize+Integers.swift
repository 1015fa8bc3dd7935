import WinnowGraph
import WinnowKernels
import WinnowTensor

extension Resize {
    /// Elements of any type put where they are nearest, one axis after the other.
    func movingKernel(_ request: KernelRequest, _ axes: [ResamplingKernel.Axis], _ source: Shape) throws -> Kernel {
        let type = request.outputs[0].elementType
        var shape = source
        var layout = ScratchLayout()
        var places: [Int] = []
        let passes = try axes.map { axis in
            let gather = try GatherKernel(shape, axis: axis.axis, indexCount: axis.indices.count, indexType: .int64, type)
            shape[axis.axis] = axis.indices.count
            places.append(layout.reserve(shape.elementCount, of: type))
            return (gather, Tensor(axis.indices.map { Int64($0) }))
        }
        let byteCount = request.outputs[0].byteCount
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch, !passes.isEmpty else {
                return operands.output(0).copyMemory(from: operands.input(0), byteCount: byteCount)
            }
            var from = operands.input(0)
            for (index, (gather, indices)) in passes.enumerated() {
                let to = index == passes.count - 1 ? operands.output(0) : scratch + places[index]
                try indices.withUnsafeBytes { bytes in
                    if let base = bytes.baseAddress { try gather.run(from, indices: base, to: to) }
                }
                from = UnsafeRawPointer(to)
            }
        }
    }

    /// Integers interpolated in float32, fractions cut off; cubic results beyond the type's range are its ends.
    func integerKernel(_ request: KernelRequest, _ floatKernel: (KernelRequest) throws -> Kernel) throws -> Kernel {
        let (data, output) = (try request.input(0), request.outputs[0])
        let (widen, narrow) = (try CastKernel(from: data.elementType, to: .float32), try CastKernel(saturatingTo: output.elementType))
        var inner = request
        inner.inputs[0]?.elementType = .float32
        inner.inputs[0]?.constant = nil
        inner.outputs[0].elementType = .float32
        let kernel = try floatKernel(inner)
        let counts = [data.shape.elementCount, output.shape.elementCount]
        var layout = ScratchLayout()
        let places = counts.map { layout.reserve($0, of: .float32) }
        let kernelPlace = layout.reserve(kernel.scratchByteCount)
        let pointers = OperandList(count: 3)
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            guard let scratch = operands.scratch else { return }
            widen.run(from: operands.input(0), to: scratch + places[0], count: counts[0])
            (pointers[0], pointers[1], pointers[2]) = (scratch + places[0], scratch + places[1], scratch + kernelPlace)
            try kernel.run(Operands(pointers.base, inputCount: 1, outputCount: 1))
            narrow.run(from: scratch + places[1], to: operands.output(0), count: counts[1])
        }
    }
}
