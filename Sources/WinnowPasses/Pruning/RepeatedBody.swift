import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A Loop or Scan whose body's nodes may stand among those around it, as every state keeps its type from run to run.
struct RepeatedBody {
    let node: Node
    /// The body with what is known of the values that it reads.
    let graph: Graph
    /// The states: their places among the node's inputs, and among the body's outputs.
    let states: [(input: Int, output: Int)]
    /// How each input of the body comes in.
    let entrances: [BodyEntrance.Kind]
    /// Along which axes outputs are collected, the last ones of the body and the node.
    let paths: [Int]

    /// nil where it has to stay a body.
    init?(_ node: Node, in around: Graph, _ index: GraphIndex) throws {
        guard let op = node.op as? any RepeatingOperator, op.body.updates.isEmpty, node.inputs.count == op.body.inputs.count else { return nil }
        let scan = op as? Scan
        let loopPaths = [Int](repeating: 0, count: max(0, op.body.outputs.count - 1 - op.states.count))
        let pathCount = scan?.outputPaths.count ?? loopPaths.count
        guard scan?.isBatched != true, node.outputs.count >= pathCount, pathCount == 0 || node.outputs.count == op.states.count + pathCount,
            node.outputs.suffix(pathCount).allSatisfy({ !$0.isEmpty && index.isRead($0) }),
            node.outputs.contains(where: { !$0.isEmpty && index.isRead($0) })
        else { return nil }
        (self.node, states) = (node, op.states)
        var types: [ValueName: ValueType] = [:]
        var kinds: [BodyEntrance.Kind] = []
        for (place, input) in op.body.inputs.enumerated() {
            guard var type = node.input(place).map({ around.infos[$0]?.type }) ?? input.type, type.isTensor else { return nil }
            if op.states.contains(where: { $0.input == place }) {
                kinds.append(.state)
            } else if let scan, let rank = type.rank, let axis = try? scan.inputPaths[place - op.states.count].axis.normalizedAxis(rank: rank) {
                kinds.append(.slice(axis: axis))
                type.extents?.remove(at: axis)
            } else {
                guard scan == nil else { return nil }
                type = ValueType(input.type.elementType, input.type.extents ?? [])
                kinds.append(.number(type))
            }
            guard type.extents != nil else { return nil }
            types[input.name] = type
        }
        guard let graph = try? op.body.knowing(around.infos).taking(types) else { return nil }
        let collected = graph.outputs.suffix(pathCount).map { graph.infos[$0] }
        guard op.states.allSatisfy({ state in
            guard let info = graph.infos[graph.outputs[state.output]] else { return false }
            return !info.isGuess && info.type == types[graph.inputs[state.input].name]
        }), collected.allSatisfy({ $0?.isGuess == false && $0?.type.isTensor == true && $0?.rank != nil })
        else { return nil }
        paths = try zip(scan?.outputPaths.map(\.axis) ?? loopPaths, collected).map { try $0.normalizedAxis(rank: ($1?.rank ?? 0) + 1) }
        (self.graph, entrances) = (graph, kinds)
    }

    /// The outputs of the body that are neither handed on nor collected: whether there is another run.
    var others: [Int] {
        graph.outputs.indices.dropLast(paths.count).filter { output in !states.contains { $0.output == output } }
    }

    /// The type that an input of the body has in a file once it is another, as far as `declared` told it.
    static func written(_ type: ValueType, as declared: ValueType) -> ValueType {
        guard !declared.accepts(type), var extents = type.extents else { return declared }
        for axis in extents.indices where extents[axis].value == nil {
            let told = declared.extents.flatMap { $0.count == extents.count ? $0[axis] : nil }
            extents[axis] = told?.value == nil ? told ?? .unknown : .unknown
        }
        return ValueType(type.elementType, extents)
    }
}
