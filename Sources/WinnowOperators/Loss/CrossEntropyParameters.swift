import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// What both class losses share: how rows become one number, and which label counts for nothing.
package struct CrossEntropyParameters: Sendable, Hashable {
    package var reduction: CrossEntropyKernel.Reduction
    package var ignoredLabel: Int?

    package init(reduction: CrossEntropyKernel.Reduction = .mean, ignoredLabel: Int? = nil) {
        self.reduction = reduction
        self.ignoredLabel = ignoredLabel
    }

    init(attributes: Attributes) throws {
        let name = try attributes.string("reduction", default: "mean")
        guard let reduction = CrossEntropyKernel.Reduction(rawValue: name) else {
            throw WinnowError(.model, "reduction", "is \(name), not mean, sum or none")
        }
        self.init(reduction: reduction, ignoredLabel: try attributes.int("ignore_index", isSize: false))
    }

    var attributes: Attributes {
        var attributes: Attributes = ["reduction": .string(reduction.rawValue)]
        if let ignoredLabel { attributes["ignore_index"] = .int(ignoredLabel) }
        return attributes
    }

    /// The type of the loss for scores and labels.
    func lossInfo(_ inputs: [ValueInfo?]) throws -> ValueInfo {
        let (scores, labels) = (try inputs.required(0), try inputs.required(1))
        if let a = scores.extents, let b = labels.extents {
            let expected = Array(a.prefix(1)) + a.dropFirst(2)
            guard a.count >= 2, b.count == expected.count,
                zip(expected, b).allSatisfy({ $0.value == nil || $1.value == nil || $0 == $1 })
            else { throw WinnowError(.shape, "labels", "\(labels.type) do not fit scores \(scores.type)") }
        }
        return ValueInfo(scores.elementType, reduction == .none ? labels.extents : [])
    }

    /// The kernel for scores, labels and class weights at these places of a request.
    func kernel(_ request: KernelRequest, scores: Int, normalizes: Bool) throws -> CrossEntropyKernel {
        let plan = try request.input(scores)
        try plan.requireFloat32(request.nodeName)
        let classes = plan.shape.rank > 1 ? plan.shape[1] : 0
        if let weights = request.optionalInput(scores + 2), weights.elementType != .float32 || weights.shape != [classes] {
            throw WinnowError(.shape, request.nodeName, "its weights are \(weights.elementType) \(weights.shape), not float32 \(classes)")
        }
        guard try request.input(scores + 1).shape.elementCount *| classes == plan.shape.elementCount else {
            throw WinnowError(.shape, request.nodeName, "its labels do not fit scores \(plan.shape)")
        }
        return try CrossEntropyKernel(
            plan.shape, labels: request.input(scores + 1).elementType, reduction: reduction, ignored: ignoredLabel,
            normalizes: normalizes)
    }

    func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank >= 2, rank - 1 <= letters.count else { return .opaque }
        let rows = letters[..<(rank - 1)].map { AxisTerm.label($0) }
        let scores = [rows[0], .opaque] + rows.dropFirst()
        return AxisMap(
            inputs: [scores, rows] + inputs.dropFirst(2).map { $0 == nil ? [] : [.opaque] },
            outputs: [reduction == .none ? rows : []], pinned: reduction == .none ? [] : Set(rows.flatMap(\.labels)))
    }
}
