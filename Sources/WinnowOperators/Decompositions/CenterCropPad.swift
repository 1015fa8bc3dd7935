package import WinnowGraph
import WinnowTensor

/// The middle of a value cut out, or zeros put around it, until it has the extents in input 1.
package struct CenterCropPad: Decomposition, RuntimeForm {
    package static let type = OperatorType("CenterCropPad")
    package static let maximumInputCount = 2

    /// The axes that the extents are given for; nil is all.
    package var axes: [Int]?

    package init(axes: [Int]? = nil) { self.axes = axes }
    package init(attributes: Attributes, version: Int) throws { self.init(axes: try attributes.ints("axes")) }

    package var attributes: Attributes { axes.map { ["axes": .ints($0)] } ?? [:] }
    package var minimumVersion: Int { 18 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        guard var extents = x.extents else { return [ValueInfo(x.elementType, nil)] }
        let wanted = inputs.integers(1)?.map { Extent.fixed($0) }
        for (place, axis) in (axes ?? Array(extents.indices)).enumerated() {
            let axis = try axis.normalizedAxis(rank: extents.count, name: "axes")
            extents[axis] = wanted.flatMap { place < $0.count ? $0[place] : nil } ?? .unknown
        }
        return [ValueInfo(x.elementType, extents)]
    }

    /// A Pad where extents are known.
    package func runtimeForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let axes, let rank = graph.info(of: node.input(0))?.rank, let wanted = node.input(1) else { return nil }
        if let pad = try graph.inlining(node, { try decompose($0, node.inputs) }) { return pad }
        let listed = try axes.map { try $0.normalizedAxis(rank: rank, name: "axes") }
        return try graph.inlining(node) { b in
            [try b.add(CenterCropPad(), node.inputs[0], b.shape(of: node.inputs[0], replacing: listed, by: wanted))]
        }
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let rank = try b.rank(of: x)
        let wanted = try b.knownIntegers(of: inputs.required(1))
        let listed = try (axes ?? Array(0..<rank)).map { try $0.normalizedAxis(rank: rank, name: "axes") }
        guard listed.count == wanted.count else {
            throw WinnowError(.shape, "shape", "has \(wanted.count) numbers for \(listed.count) axes")
        }
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (axis, target) in zip(listed, wanted) {
            let difference = target - (try b.extent(axis, of: x))
            before[axis] = difference / 2
            after[axis] = difference - before[axis]
        }
        return [try b.add(Pad(), x, b.integers(before + after, name: "pads"))]
    }
}
