package import WinnowGraph
import WinnowTensor

/// Inserts axes of extent 1 at the listed places of the result.
package struct Unsqueeze: Operator {
    package static let type = OperatorType("Unsqueeze")
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
        graph.edit(replacing: node, with: Unsqueeze(), inputs: [("axes", axes.map { Tensor($0.map { Int64($0) }) })])
    }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { graph.reshaping(of: node) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let added = try addedAxes(inputs), let extents = data.extents else {
            return [ValueInfo(data.elementType, nil)]
        }
        var rest = extents.makeIterator()
        let result = (0..<(extents.count + added.count)).map { added.contains($0) ? 1 : rest.next() ?? 1 }
        return [data.reshaped(to: result)]
    }

    private func addedAxes(_ inputs: [ValueInfo?]) throws -> Set<Int>? {
        guard let axes = axes ?? inputs.integers(1), let rank = try inputs.required(0).rank else { return nil }
        return Set(try axes.map { try $0.normalizedAxis(rank: rank + axes.count) })
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        guard let rank = inputs.optional(0)?.rank, let added = try? addedAxes(inputs) else { return .rowMajor }
        return .keptByView(rank, rank + added.count, changing: added)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { .view }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let added = try? addedAxes(inputs) else {
            return .opaque
        }
        var labels = letters[..<rank].makeIterator()
        return AxisMap(
            inputs: [letters[..<rank].map { .label($0) }] + inputs.dropFirst().map { _ in [.opaque] },
            outputs: [(0..<(rank + added.count)).map { added.contains($0) ? .one : labels.next().map { .label($0) } ?? .one }])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.reshapedToInput(context.outputGradient())] + context.node.inputs.dropFirst().map { _ in nil }
    }
}
