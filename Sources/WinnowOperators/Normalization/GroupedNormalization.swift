package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Normalization over groups of channels and all spatial axes of each sample; inputs (x, scale, shift).
package protocol GroupedNormalization: Operator {
    var epsilon: Float { get }
    /// nil: as many as channels.
    var groups: Int? { get }
    /// Whether scale and shift have one number a channel rather than a group.
    var scalesChannels: Bool { get }
}

extension GroupedNormalization {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = (try inputs.required(1), try inputs.required(2))
        return [ValueInfo(try inputs.required(0).type)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let shape = try request.input(0).shape
        guard shape.rank >= 2 else { throw WinnowError(.shape, request.nodeName, "its input \(shape) has no channels") }
        let groups = groups ?? shape[1]
        let normalization = try GroupNormalizationKernel(
            shape, groups: groups, epsilon: epsilon, scalesChannels: scalesChannels)
        for index in 1...2 where try request.input(index).shape != [scalesChannels ? shape[1] : groups] {
            throw WinnowError(.shape, request.nodeName, "input \(index) has shape \(try request.input(index).shape)")
        }
        return Kernel(placement: .mayOverwrite([0])) { operands in
            normalization.run(
                from: operands.input(0, as: Float.self), scale: operands.input(1, as: Float.self),
                shift: operands.input(2, as: Float.self), to: operands.output(0, as: Float.self))
        }
    }

    /// Groups are on their own; the channels of one have mean and variance together, with all places.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let places = "yxzvwuts"
        guard let rank = inputs.optional(0)?.rank, (2...places.count).contains(rank) else { return .opaque }
        let data = "n\(groups == nil ? "g" : "(gc)")\(places.prefix(rank - 2))"
        let scale = groups != nil && scalesChannels ? "(gc)" : "g"
        var map = AxisMap("\(data),\(scale),\(scale)->\(data)", extents: groups.map { ["g": $0] } ?? [:])
        map.population = map.outputLabels.subtracting(["n", "g"])
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 1) && zeros.are(at: 2) ? .zero : .number }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, scale, g) = (try context.input(0), try context.input(1), try context.outputGradient())
        guard let extents = context.info(of: x)?.extents, extents.count >= 2, let channels = extents[1].value else { return nil }
        let groups = groups ?? channels
        // (N, groups, channels of a group, everything spatial), so that both kinds of scale broadcast.
        let wide = b.constant("grouped", Tensor([0, Int64(groups), Int64(channels / groups), -1]))
        let grouped = try context.builder.add(Reshape(), b.flatteningSpatial(x), wide)
        let gradient = try b.add(Reshape(), b.flatteningSpatial(g), wide)
        let column = b.constant("column", Tensor([Int64(groups), scalesChannels ? Int64(channels / groups) : 1, 1]))
        let factor = try b.add(Reshape(), scale, column)
        let (dx, normalized) = try b.normalizationGradient(
            of: grouped, b.multiply(gradient, factor), axes: [2, 3], epsilon: epsilon)
        func summed(_ index: Int, _ value: @autoclosure () throws -> ValueName) throws -> ValueName? {
            guard context.needs(index) else { return nil }
            return try b.add(Reshape(), b.add(SumToShape(), value(), column), b.shape(of: scale))
        }
        return [
            try b.add(Reshape(), dx, b.shape(of: x)), try summed(1, b.multiply(gradient, normalized)), try summed(2, gradient),
        ]
    }
}

extension GraphBuilder {
    /// (N, C, everything spatial)
    fileprivate func flatteningSpatial(_ x: ValueName) throws -> ValueName {
        try add(Reshape(), x, constant("rows", Tensor([0, 0, Int64(-1)])))
    }
}
