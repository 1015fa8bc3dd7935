package import WinnowGraph
import WinnowTensor

/// 1 at the first maximum along `axis`, 0 elsewhere; before operator-set 13 over all axes from `axis` on together.
package struct Hardmax: Decomposition {
    package static let type = OperatorType("Hardmax")
    package static let maximumInputCount = 1

    package var axis: Int
    package var flattens: Bool

    package init(axis: Int = -1, flattens: Bool = false) {
        self.axis = axis
        self.flattens = flattens
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: version < 13 ? 1 : -1), flattens: version < 13)
    }

    package var attributes: Attributes { ["axis": .int(axis)] }
    package var minimumVersion: Int { flattens ? 1 : 13 }
    package var maximumVersion: Int { flattens ? 12 : .max }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        if b.isEmpty(x) { return [try b.add(Identity(), x)] }
        guard !flattens else {
            let rows = try b.add(Hardmax(), b.add(Flatten(axis: axis), x))
            return [try b.add(Reshape(), rows, b.shape(of: x))]
        }
        let axis = try axis.normalizedAxis(rank: b.rank(of: x))
        let best = try b.add(ArgMax(axis: axis, keepsAxis: false), x)
        let depth = b.constant("depth", scalar: Int64(try b.extent(axis, of: x)))
        let values = b.constant("values", Tensor([0, 1], shape: [2], as: b.elementType(of: x)))
        return [try b.add(OneHot(axis: axis), best, depth, values)]
    }
}
