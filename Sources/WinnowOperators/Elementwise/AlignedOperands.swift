import WinnowGraph
import WinnowTensor

/// An elementwise operator as it was before operator set 7: the axes of its second operand stand for those of the first from
/// `axis` on.
struct AlignedOperands: Decomposition {
    static var type: OperatorType { OperatorType("AlignedOperands", domain: "winnow") }

    let op: any Operator
    let axis: Int
    /// Whether the operator's attributes name the axis; for PRelu it goes without saying.
    let isWritten: Bool

    init(_ op: any Operator, axis: Int, isWritten: Bool = true) {
        self.op = op
        self.axis = axis
        self.isWritten = isWritten
    }

    init(attributes: Attributes, version: Int) throws { throw WinnowError(.model, Self.type.name, "is never read by its own name") }

    var type: OperatorType { op.type }
    var attributes: Attributes { isWritten ? ["axis": .int(axis), "broadcast": .int(1)] : [:] }
    var maximumVersion: Int { 6 }

    func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, y) = (try inputs.required(0), try inputs.required(1))
        let (rank, other) = (try b.rank(of: x), try b.rank(of: y))
        let end = try axis.normalizedAxis(rank: rank) + other
        guard end <= rank else { throw WinnowError(.shape, "axis", "\(axis) leaves no room for \(other) axes in \(rank)") }
        return [try b.add(op, x, b.unsqueezed(y, Array(other..<(other + rank - end))))]
    }

    func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }
}
