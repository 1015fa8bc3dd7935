import Foundation
package import WinnowGraph
import WinnowTensor

/// Which weights a pass works on: those whose tensor or node name matches `only` and not `except`.
///
/// Patterns are globs: `*` stands for any text, `?` for one character.
package struct Selection: Sendable {
    private let only: [String]
    private let except: [String]

    /// Throws `.recipe` for a pattern that matches no tensor and no node of `graph`.
    package init(only: [String] = [], except: [String] = [], in graph: Graph) throws {
        self.only = only
        self.except = except
        let names = graph.namesWithBodies
        for pattern in only + except where !names.contains(where: { Self.matches(pattern, $0) }) {
            throw WinnowError(
                .recipe, "pattern \(pattern)", "matches no tensor and no node",
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
        let names = [tensor, node.name]
        if let pattern = except.first(where: { pattern in names.contains { Self.matches(pattern, $0) } }) {
            return "excepted by \(pattern)"
        }
        if !only.isEmpty, !only.contains(where: { pattern in names.contains { Self.matches(pattern, $0) } }) {
            return "not among \(only.joined(separator: ", "))"
        }
        return nil
    }

    package static func matches(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, FNM_NOESCAPE) == 0 }
}

extension Graph {
    /// The names of initializers and nodes, those in control-flow bodies included.
    fileprivate var namesWithBodies: [String] {
        initializerNames + nodes.map(\.name) + nodes.flatMap { $0.op.bodies.values.flatMap(\.namesWithBodies) }
    }
}
