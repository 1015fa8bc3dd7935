package import WinnowGraph
import WinnowTensor

/// A list's members one after the other along an axis, or along a new one.
package struct ConcatFromSequence: ListOperator {
    package static let type = OperatorType("ConcatFromSequence")
    package static let maximumInputCount = 1

    package var axis: Int
    /// Whether the axis is new: members are stacked.
    package var addsAxis: Bool

    package init(axis: Int, addsAxis: Bool = false) {
        self.axis = axis
        self.addsAxis = addsAxis
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let axis = try attributes.int("axis") else { throw WinnowError(.model, "axis", "is missing") }
        self.init(axis: axis, addsAxis: try attributes.flag("new_axis", default: false))
    }

    package var attributes: Attributes { ["axis": .int(axis), "new_axis": .int(addsAxis ? 1 : 0)] }
    package var minimumVersion: Int { 11 }
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(0).elementType, nil)] }

    package func results(_ inputs: [Datum?]) throws -> [Datum] {
        let list = try inputs.list(0)
        guard !list.isEmpty else { throw WinnowError(.data, "input 0", "is an empty list") }
        guard addsAxis else { return [.tensor(try Concat(axis: axis).evaluated(list))] }
        let axis = try axis.normalizedAxis(rank: list[0].rank + 1)
        let slices = list.map { member in
            member.reshaped(Shape(Array(member.shape[..<axis]) + [1] + Array(member.shape[axis...])))
        }
        return [.tensor(try Concat(axis: axis).evaluated(slices))]
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let members = graph.members(of: node.input(0)), !members.isEmpty else { return nil }
        return try graph.inlining(node) { b in
            try b.add(Concat(axis: axis), inputs: addsAxis ? members.map { try b.unsqueezed($0, [axis]) } : members)
        }
    }
}
