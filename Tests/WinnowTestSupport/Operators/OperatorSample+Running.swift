import WinnowEngine
package import WinnowGraph
package import WinnowTensor

extension OperatorSample {
    /// The outputs as a session computes them.
    package func run(constants: Set<Int>? = nil, lowers: Bool = false) throws -> [Tensor] {
        let graph = try graph(constants: constants)
        let results = try Session(graph, options: SessionOptions(lowers: lowers)).run(fed(graph))
        return graph.outputs.compactMap { results[$0] }
    }

    /// The input tensors that a graph of this sample asks for.
    package func fed(_ graph: Graph) -> [ValueName: Tensor] {
        var fed: [ValueName: Tensor] = [:]
        for (index, tensor) in inputs.enumerated() where graph.inputNames.contains(inputName(index)) {
            fed[inputName(index)] = tensor
        }
        return fed
    }

    /// The outputs of one kernel call with every operand of rank 3 and above in `layout`.
    package func runKernel(layout: Layout) throws -> [Tensor] {
        func physical(_ shape: Shape) -> Layout { shape.rank < 3 ? .rowMajor : layout }
        let sources = inputs.map { tensor in tensor.map { $0.transposed(physical($0.shape).permutation(rank: $0.rank)) } }
        let plans = inputs.enumerated().map { index, tensor in
            tensor.map {
                OperandPlan(
                    shape: $0.shape, elementType: $0.elementType, layout: physical($0.shape),
                    constant: constants.contains(index) ? sources[index] : nil)
            }
        }
        let results = try op.outputs(for: infos(constants: Set(inputs.indices))).prefix(outputCount).map {
            OperandPlan(shape: $0.shape ?? [], elementType: $0.elementType, layout: physical($0.shape ?? []))
        }
        let kernel = try op.kernel(for: KernelRequest(nodeName: "sampled", inputs: plans, outputs: Array(results)))
        let targets = results.map { result in
            kernel.placement == .view
                ? (sources[0] ?? Tensor(zeros: []))
                : Tensor(zeros: result.shape.permuted(result.layout.permutation(rank: result.shape.rank)), result.elementType)
        }
        if kernel.placement != .view { try kernel.call(sources, targets) }
        return zip(results, targets).map { result, target in
            let order = result.layout.permutation(rank: result.shape.rank)
            let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
            return target.reshaped(result.shape.permuted(order)).transposed(inverse)
        }
    }
}

extension Kernel {
    /// Runs once outside a plan; `results` are written in place.
    package func call(_ inputs: [Tensor?], _ results: [Tensor]) throws {
        let scratch = TensorStorage(byteCount: scratchByteCount)
        var pointers = (inputs + results).map { $0.map { $0.memory.storage.base + $0.memory.byteOffset } }
        pointers.append(scratch.base)
        try withExtendedLifetime((inputs, results, scratch)) {
            try pointers.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try run(Operands(base, inputCount: inputs.count, outputCount: results.count))
            }
        }
    }
}
