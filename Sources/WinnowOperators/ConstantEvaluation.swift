package import WinnowGraph
import WinnowTensor

extension Operator {
    /// `infos` with their constants filled in by running the kernel now, where all inputs are constants and small.
    ///
    /// This is how shape arithmetic is evaluated while types are inferred; large constants are folded when planning.
    package func evaluatingConstants(_ infos: [ValueInfo], of inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let operands = inputs.map { info -> OperandPlan? in
            guard let tensor = info?.constant else { return nil }
            return OperandPlan(shape: tensor.shape, elementType: tensor.elementType, constant: tensor)
        }
        for info in infos { try info.checkExtents() }
        let shapes = infos.compactMap(\.shape)
        let isKnown = zip(inputs, operands).allSatisfy { $0 == nil || $1 != nil } && shapes.count == infos.count
        let elementCount = (shapes + operands.compactMap { $0?.shape }).reduce(0) { $0 + $1.elementCount }
        guard isKnown, elementCount <= 4096 else { return infos }
        let kernel = try checkedKernel(
            for: KernelRequest(
                nodeName: type.name, inputs: operands,
                outputs: infos.map { OperandPlan(shape: $0.shape ?? [], elementType: $0.elementType) }))
        let sources = operands.map { $0?.constant }
        let results = zip(infos, shapes).map { info, shape in
            kernel.placement == .view ? sources.first??.reshaped(shape) : Tensor(zeros: shape, info.elementType)
        }
        if kernel.placement != .view { try kernel.runOnce(sources, results) }
        return zip(infos, results).map { info, result in
            var info = info
            info.constant = result
            return info
        }
    }

    /// The first output for these inputs, computed at once.
    func evaluated(_ inputs: [Tensor]) throws -> Tensor {
        let info = try checkedOutputs(for: inputs.map { ValueInfo(ValueType($0.elementType, $0.shape)) })[0]
        try MemoryBudget.check(info.elementType.byteCount(of: info.shape?.elementCount ?? 0), for: "its result")
        let result = Tensor(zeros: info.shape ?? [], info.elementType)
        let operands = inputs.map { OperandPlan(shape: $0.shape, elementType: $0.elementType) }
        let kernel = try checkedKernel(
            for: KernelRequest(
                nodeName: type.name, inputs: operands, outputs: [OperandPlan(shape: result.shape, elementType: result.elementType)]))
        try kernel.runOnce(inputs, [result])
        return result
    }

    /// What comes out of scalars.
    func effect(on values: [Double], _ type: ElementType) -> ZeroEffect {
        let operands = values.map { Tensor([$0], shape: [], as: type.isFloatingPoint ? .float32 : type) }
        guard let result = try? evaluated(operands).doubles().first else { return .number }
        return result == 0 ? .zero : result.isFinite ? .number : .undefined
    }
}
