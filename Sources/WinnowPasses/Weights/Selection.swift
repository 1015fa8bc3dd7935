import Foundation
package import WinnowGraph
import WinnowTensor

/// Which weights a pass works on: those whose tensor or node name, or whose operator's type, matches `only` and not `except`.
///
/// Patterns are globs of names (`*` stands for any text, `?` for one character), or an operator's type as it is: `Gemm`.
package struct Selection: Sendable {
    private let only: [String]
    private let except: [String]

    /// Throws `.recipe` for a pattern that matches no tensor and no node of `graph`.
    package init(only: [String] = [], except: [String] = [], in graph: Graph) throws {
        self.only = only
        self.except = except
        let (names, types) = (graph.namesWithBodies, graph.operatorTypes)
        for pattern in only + except where !types.contains(pattern) && !names.contains(where: { Self.matches(pattern, $0) }) {
            throw WinnowError(
                .recipe, "pattern \(pattern)", "matches no tensor, no node and no type of operator",
                remedy: Spelling.nearest(to: pattern, in: names).map { "did you mean \($0)?" }
                    ?? "`winnow inspect` lists the names")
        }
    }

    /// Whether what is to be worked on was named.
    package var isExplicit: Bool { !only.isEmpty }

    /// Why the weight is left out; nil if it is to be worked on.
    package func reason(against site: WeightSite) -> String? { reason(against: site.tensor, of: site.node) }

    /// The same of any tensor that a node reads.
    package func reason(against tensor: ValueName, of node: Node) -> String? {
        if let pattern = except.first(where: { Self.matches($0, tensor, of: [node]) }) {
            return "excepted by \(pattern)"
        }
        if !only.isEmpty, !only.contains(where: { Self.matches($0, tensor, of: [node]) }) {
            return "not among \(only.joined(separator: ", "))"
        }
        return nil
    }

    /// Whether a pattern means a tensor or one of these nodes that read it.
    static func matches(_ pattern: String, _ tensor: ValueName, of nodes: [Node]) -> Bool {
        nodes.contains { $0.op.type.name == pattern } || ([tensor] + nodes.map(\.name)).contains { matches(pattern, $0) }
    }

    package static func matches(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, FNM_NOESCAPE) == 0 }
}

extension Graph {
    /// The names of initializers and nodes, those in control-flow bodies included.
    fileprivate var namesWithBodies: [String] {
        initializerNames + nodes.map(\.name) + nodes.flatMap { $0.op.bodies.values.flatMap(\.namesWithBodies) }
    }

    /// The names of the types of all operators, those in control-flow bodies included.
    fileprivate var operatorTypes: Set<String> {
        nodes.reduce(into: []) { types, node in
            types.insert(node.op.type.name)
            for body in node.op.bodies.values { types.formUnion(body.operatorTypes) }
        }
    }
}
