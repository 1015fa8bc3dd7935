import WinnowGraph

/// Which single weights go first.
public struct PruningRule: HyperparameterGroup {
    public enum Scope: String, HyperparameterChoice, Codable {
        /// Each tensor loses the same fraction.
        case tensor
        /// The least of all tensors together.
        case global
    }

    @Hyperparameter("what tells how much a weight matters") public var importance: Chosen<ElementImportances> = "magnitude"
    @Hyperparameter("how weights of different tensors are compared") public var scope = Scope.tensor

    public init() {}

    package init(scope: Scope, importance: Chosen<ElementImportances> = "magnitude") {
        self.init()
        self.scope = scope
        self.importance = importance
    }

    /// The importance, ready to score these weights.
    func prepared(for sites: [WeightSite], in graph: Graph, _ context: PassContext) throws -> any ElementImportance {
        var result = importance.member.init()
        try result.prepare(for: sites, in: graph, context)
        return result
    }

    /// Layer-adaptive magnitudes were a scope before `importance` was there.
    public static func current(_ values: [String: HyperparameterValue]) -> [String: HyperparameterValue] {
        guard values["scope"] == .string("layer-adaptive") else { return values }
        return values.merging(["scope": "global", "importance": "lamp"]) { $1 }
    }
}
