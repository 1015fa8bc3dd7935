package import WinnowGraph
import WinnowTensor

/// What the labels of data are to a model: one class a sample, or classes of places, such as tokens, beside scores of each.
package struct ClassLabels: Sendable {
    /// Those of places, where labels are such.
    package let places: PlaceLabels?
    /// Why they do not judge the output of scores: there are none, or it is no scores (N, classes), nor of each place. nil: they do.
    package let objection: String?

    package init(of data: Dataset, for graph: Graph) {
        guard data.labels == nil else {
            places = nil
            objection = Self.objection(to: graph)
            return
        }
        let computed = try? graph.givingComputedOutputs()
        places = computed.flatMap { PlaceLabels(of: data, for: $0) }
        let axis = computed?.scoredOutput.flatMap { [places] output in places?.axis(ofOutput: output) }
        objection = axis == nil ? data.labelObjection : nil
    }

    /// Why that output is no scores (N, classes), which one class a sample is compared with.
    private static func objection(to graph: Graph) -> String? {
        guard let output = graph.scoredOutput, let type = graph.infos[output]?.type, var extents = type.extents else { return nil }
        if let axis = SampleAxes(of: graph).axis(ofOutput: output) { extents.insert(extents.remove(at: axis), at: 0) }
        let isScores = type.elementType.isFloatingPoint && extents.count >= 2 && extents[1] != .fixed(1)
            && extents.dropFirst(2).allSatisfy { $0 == .fixed(1) }
        return isScores ? nil : "labels are one a sample, but output \(output) is \(type), not scores (N, classes)"
    }
}
