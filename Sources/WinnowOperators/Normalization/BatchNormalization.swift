package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// scale · (x − mean) / √(variance + epsilon) + shift along axis 1; inputs (x, scale, shift, mean, variance).
package struct BatchNormalization: Operator {
    package static let type = OperatorType("BatchNormalization")
    package static let maximumInputCount = 5
    package static let maximumOutputCount = 5

    package var epsilon: Float
    /// running = momentum · running + (1 − momentum) · batch
    package var momentum: Float
    /// The file asks for the batch's own statistics even outside training.
    package var isMarkedTraining: Bool

    package init(epsilon: Float = 1e-5, momentum: Float = 0.9, isMarkedTraining: Bool = false) {
        self.epsilon = epsilon
        self.momentum = momentum
        self.isMarkedTraining = isMarkedTraining
    }

    package init(attributes: Attributes, version: Int) throws {
        guard try attributes.int("spatial", default: 1) == 1 else {
            throw WinnowError(.unsupported, "spatial", "statistics for each place are not supported")
        }
        let isTraining = try version < 7 && !attributes.flag("is_test", default: true)
        guard !isTraining, version > 13 || attributes.namedOutputCount ?? 1 <= 1 else {
            throw WinnowError(
                .unsupported, "outputs", "statistics of batches before operator set 14 are not supported",
                remedy: "export the model for inference")
        }
        self.init(
            epsilon: try attributes.float("epsilon", default: 1e-5), momentum: try attributes.float("momentum", default: 0.9),
            isMarkedTraining: try attributes.flag("training_mode", default: false))
    }

    package var attributes: Attributes {
        var result: Attributes = ["epsilon": .float(epsilon), "momentum": .float(momentum)]
        if isMarkedTraining { result["training_mode"] = .int(1) }
        return result
    }

    package var minimumVersion: Int { isMarkedTraining ? 14 : 9 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        let channels = data.extents.map { $0.count > 1 ? $0[1] : .fixed(1) } ?? .unknown
        for index in 1..<5 {
            let statistic = try inputs.required(index)
            guard ValueType(statistic.elementType, [channels]).accepts(statistic.type) else {
                throw WinnowError(.shape, "input \(index) \(statistic.type)", "does not fit \(channels) channels")
            }
        }
        let statistic = ValueInfo(data.elementType, [channels])
        return [ValueInfo(data.type), statistic, statistic]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        if isMarkedTraining { return try batchKernel(request) }
        let data = try request.input(0)
        let normalization = try BatchNormalizationKernel(data.shape, layout: data.layout, epsilon: epsilon)
        let statisticByteCount = try request.input(3).byteCount
        return Kernel(placement: .mayOverwrite([0]), scratchByteCount: normalization.scratchByteCount) { operands in
            try normalization.run(
                source: operands.input(0), scale: operands.input(1), shift: operands.input(2),
                statistics: .given(mean: operands.input(3), variance: operands.input(4)),
                target: operands.output(0), scratch: operands.scratch)
            operands.optionalOutput(1)?.copyMemory(from: operands.input(3), byteCount: statisticByteCount)
            operands.optionalOutput(2)?.copyMemory(from: operands.input(4), byteCount: statisticByteCount)
        }
    }

    /// By the batch's own statistics; those of the batch alone lie in scratch memory.
    private func batchKernel(_ request: KernelRequest) throws -> Kernel {
        let channels = try request.input(3).shape
        var inner = request
        inner.outputs = [request.outputs[0]] + (0..<4).map { _ in OperandPlan(shape: channels, elementType: .float32) }
        let kernel = try BatchNormalizationTraining(epsilon: epsilon, momentum: momentum, isUnbiased: false).kernel(for: inner)
        var layout = ScratchLayout()
        _ = layout.reserve(kernel.scratchByteCount)
        let unread = (0..<4).map { _ in layout.reserve(channels.elementCount, of: .float32) }
        let pointers = OperandList(count: 11)
        return Kernel(scratchByteCount: layout.byteCount) { operands in
            for index in 0..<5 { pointers[index] = UnsafeMutableRawPointer(mutating: operands.input(index)) }
            pointers[5] = operands.output(0)
            for index in 0..<4 {
                pointers[6 + index] = (index < 2 ? operands.optionalOutput(1 + index) : nil)
                    ?? operands.scratch.map { $0 + unread[index] }
            }
            pointers[10] = operands.scratch
            try kernel.run(Operands(pointers.base, inputCount: 5, outputCount: 5))
        }
    }

    package var inputRoles: [Int: OperandRole] { [3: .statistic, 4: .statistic] }

    /// `"nc.., c, c, c, c -> nc.."`
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, (2...5).contains(rank) else { return .opaque }
        let data = "nc" + "yxz".prefix(rank - 2)
        return AxisMap("\(data),c,c,c,c->\(data)\(isMarkedTraining ? ",c,c" : "")")
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 1) && zeros.are(at: 2) ? .zero : .number }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let gradient = BatchNormalizationGradient(epsilon: epsilon, usesBatch: isMarkedTraining)
        guard isMarkedTraining else {
            return try BatchNormalizationGradient.emit(context, gradient, context.input(3), context.input(4)) + [nil, nil]
        }
        // Nothing passes on what gradients of running statistics would be.
        guard context.outputGradients.dropFirst().allSatisfy({ $0 == nil }) else { return nil }
        // Where it keeps its form, the batch's statistics are taken once more.
        let batch = try context.builder.add(
            BatchNormalizationTraining(epsilon: epsilon, momentum: momentum), inputs: context.node.inputs, outputs: 5)
        return try BatchNormalizationGradient.emit(context, gradient, batch[3], batch[4]) + [nil, nil]
    }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let mean = node.input(3), let variance = node.input(4), graph.constant(mean) != nil,
            graph.constant(variance) != nil, let y = node.output(0), isMarkedTraining || node.output(1) == nil
        else { return nil }
        var names = ["mean.next", "variance.next", "mean.batch", "variance.batch"].map {
            graph.graph.freshValueName("\(node.name).\($0)")
        }
        // What a file asks to see of running statistics is what ONNX makes of them.
        let own = [node.output(1), node.output(2)]
        let areRead = own.contains { $0.map { graph.isOutput($0) || !graph.consumers(of: $0).isEmpty } ?? false }
        for (place, name) in own.enumerated() { names[place] = name ?? names[place] }
        var edit = GraphEdit(
            replacing: [node.name],
            with: [
                Node(
                    name: node.name, op: BatchNormalizationTraining(epsilon: epsilon, momentum: momentum, isUnbiased: !areRead),
                    inputs: node.inputs, outputs: [y] + names)
            ])
        edit.updates = [mean: names[0], variance: names[1]]
        return edit
    }
}

extension BatchNormalization: ChannelAffine {
    package func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine? {
        guard node.input(0) == value, axis == 1 else { return nil }
        let vectors = (1..<5).compactMap { graph.constant(node.input($0)) }
        guard vectors.count == 4, vectors.allSatisfy({ $0.elementType == .float32 }), node.output(1) == nil, !isMarkedTraining
        else { return nil }
        let (scale, shift, mean, variance) = (
            vectors[0].floats(), vectors[1].floats(), vectors[2].floats(), vectors[3].floats()
        )
        let factors = scale.indices.map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
        return AxisAffine(scale: factors, shift: factors.indices.map { shift[$0] - mean[$0] * factors[$0] })
    }
}
