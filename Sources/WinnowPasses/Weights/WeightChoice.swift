package import WinnowGraph

/// Which weights a pass works on.
public struct WeightChoice: HyperparameterGroup {
    @Hyperparameter("globs of the tensors or nodes to work on, or operator types; empty: all") public var only: [String] = []
    @Hyperparameter("globs of tensors or nodes to leave alone, or operator types") public var except: [String] = []

    public init() {}

    /// Throws `.recipe` for a glob that matches nothing in `graph`.
    package func selection(in graph: Graph) throws -> Selection { try Selection(only: only, except: except, in: graph) }
}
