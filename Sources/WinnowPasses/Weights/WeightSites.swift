package import WinnowGraph

/// Weights by where they are read: a node may multiply with several, as recurrent layers do.
package struct WeightSites: Sendable {
    private let sites: [String: [WeightSite]]

    package init(_ sites: [WeightSite]) { self.sites = Dictionary(grouping: sites) { $0.node.name } }

    package init(of graph: Graph) { self.init(graph.weightSites) }

    /// All that a node multiplies with.
    package func of(_ node: Node) -> [WeightSite] { sites[node.name] ?? [] }

    /// What the node of a weight in another state of the graph reads in its place: at the same input, or as its only weight.
    package func counterpart(of site: WeightSite) -> WeightSite? {
        let own = of(site.node)
        return own.first { $0.inputIndex == site.inputIndex } ?? (own.count == 1 ? own[0] : nil)
    }
}
