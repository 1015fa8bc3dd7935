import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph with float32 in the place of float16 and bfloat16, weights and arithmetic alike; inputs and outputs keep their types, with
    /// Casts behind and in front of them. As it is, and why, where an operator does not take float32 instead.
    func wideningHalves() throws -> PassResult {
        let types: Set<ElementType> = [.float16, .bfloat16]
        guard holds(types) else { return PassResult(graph: self) }
        let halves = initializerNames.filter { infos[$0].map { types.contains($0.elementType) } ?? false }
        do {
            let result = try widened(from: types)
            let findings = halves.map { name in
                let type = infos[name]?.elementType
                return Finding(name, .done, .elementSize, before: 16, after: 32, reason: "was \(type.map { "\($0)" } ?? "half")")
            }
            return PassResult(graph: result, findings: findings.isEmpty ? [Finding("graph", .done, reason: "computes in float32")] : findings)
        } catch let error as WinnowError {
            return PassResult(graph: self, findings: [Finding("graph", .skipped, reason: "half precision stays: \(error)")])
        }
    }

    /// The graph with float32 in the place of these types; inputs and outputs keep theirs. Throws where an operator does not take float32 instead.
    func widened(from types: Set<ElementType>) throws -> Graph {
        try inFloat32(from: types, keepingOutputTypes: true).bypassing { node, index in
            node.op is Cast && node.op.passing(of: node, in: index) == .unchanged
        }
    }
}
