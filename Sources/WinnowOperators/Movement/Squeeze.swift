package import WinnowGraph
import WinnowTensor

/// Removes axes of extent 1: those listed, or all.
package struct Squeeze: Operator {
    package static let type = OperatorType("Squeeze")
    package static let maximumInputCount = 2

    /// The axes as an attribute, before operator set 13; from there on they are input 1.
    package var axes: [Int]?

    package init(axes: [Int]? = nil) { self.axes = axes }

    package init(attributes: Attributes, version: Int) throws { self.init(axes: try attributes.ints("axes")) }

    package var attributes: Attributes { axes.map { ["axes": .ints($0)] } ?? [:] }
    package var minimumVersion: Int { axes.map { $0.contains { $0 < 0 } ? 11 : 1 } ?? 13 }
    package var maximumVersion: Int { axes == nil ? .max : 12 }
    package var quantization: QuantizationRule { .keepsScale }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.edit(replacing: node, with: Squeeze(), inputs: [("axes", axes.map { Tensor($0.map { Int64($0) }) })])
    }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { graph.reshaping(of: node) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let removed = try removedAxes(inputs), let extents = data.extents else {
            return [ValueInfo(data.elementType, nil)]
        }
        for axis in removed where (extents[axis].value ?? 1) != 1 {
            throw WinnowError(.shape, "axes", "name axis \(axis), whose extent is \(extents[axis]), not 1")
        }
        var result = data.reshaped(to: extents.indices.filter { !removed.contains($0) }.map { extents[$0] })
        // An extent that is not known may turn out to be 1.
        if axes == nil, inputs.optional(1) == nil, extents.contains(where: { $0.value == nil }) { result.isGuess = true }
        return [result]
    }

    func removedAxes(_ inputs: [ValueInfo?]) throws -> Set<Int>? {
        guard let extents = try inputs.required(0).extents else { return nil }
        if let axes { return Set(try axes.map { try $0.normalizedAxis(rank: extents.count) }) }
        if inputs.optional(1) != nil {
            guard let axes = inputs.integers(1) else { return nil }
            return Set(try axes.map { try $0.normalizedAxis(rank: extents.count) })
        }
        return Set(extents.indices.filter { extents[$0] == .fixed(1) })
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        guard let rank = inputs.optional(0)?.rank, let removed = try? removedAxes(inputs) else { return .rowMajor }
        return .keptByView(rank, rank - removed.count, changing: removed)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { .view }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let removed = try? removedAxes(inputs) else {
            return .opaque
        }
        return AxisMap(
            inputs: [(0..<rank).map { removed.contains($0) ? .one : .label(letters[$0]) }]
                + inputs.dropFirst().map { _ in [.opaque] },
            outputs: [(0..<rank).filter { !removed.contains($0) }.map { .label(letters[$0]) }])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.reshapedToInput(context.outputGradient())] + context.node.inputs.dropFirst().map { _ in nil }
    }
}
