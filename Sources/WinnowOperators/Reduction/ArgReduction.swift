package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The int64 index of the largest or smallest element along an axis.
package protocol ArgReduction: Operator {
    static var takesMaximum: Bool { get }
    var axis: Int { get set }
    var keepsAxis: Bool { get set }
    /// Of equal elements the last counts, not the first.
    var selectsLast: Bool { get set }
    init(axis: Int, keepsAxis: Bool, selectsLast: Bool)
}

extension ArgReduction {
    package init(attributes: Attributes, version: Int) throws {
        self.init(
            axis: try attributes.int("axis", default: 0), keepsAxis: try attributes.flag("keepdims", default: true),
            selectsLast: try attributes.flag("select_last_index", default: false))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["axis": .int(axis), "keepdims": .int(keepsAxis ? 1 : 0)]
        if selectsLast { attributes["select_last_index"] = .int(1) }
        return attributes
    }

    package var minimumVersion: Int { selectsLast ? 12 : axis < 0 ? 11 : 1 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard var extents = try inputs.required(0).extents else { return [ValueInfo(.int64, nil)] }
        let axis = try self.axis.normalizedAxis(rank: extents.count)
        if keepsAxis { extents[axis] = 1 } else { extents.remove(at: axis) }
        return [ValueInfo(.int64, extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        let reduction = try ArgReductionKernel(
            maximum: Self.takesMaximum, data.elementType, data.shape,
            axis: try axis.normalizedAxis(rank: data.shape.rank), selectsLast: selectsLast)
        return Kernel { reduction.run(from: $0.input(0), to: $0.output(0, as: Int64.self)) }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let axis = try? axis.normalizedAxis(rank: rank)
        else { return .opaque }
        let terms = (0..<rank).map { $0 == axis ? AxisTerm.opaque : .label(letters[$0]) }
        let output = (0..<rank).compactMap { $0 == axis ? (keepsAxis ? AxisTerm.one : nil) : terms[$0] }
        return AxisMap(inputs: [terms], outputs: [output])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { [nil] }
}
