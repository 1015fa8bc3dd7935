import WinnowEngine
package import WinnowGraph

extension Graph {
    /// The graph with readers of such nodes' first outputs reading their first inputs, until none is left for which that can be.
    func bypassing(where isNeedless: (Node, GraphIndex) -> Bool) throws -> Graph {
        var result = self
        while true {
            let edits = try result.edits { _, node, index in isNeedless(node, index) ? GraphEdit(bypassing: node, in: index) : nil }
            if edits.isEmpty { return result }
            result = try result.applying(edits)
        }
    }
}

extension GraphEdit {
    /// Lets readers of a node's first output read its first input; a graph output keeps its name.
    /// nil where that cannot be: the output is a graph output and the input is one too, or is computed by no node.
    package init?(bypassing node: Node, in index: GraphIndex) {
        guard let input = node.input(0), let output = node.output(0) else { return nil }
        self.init()
        removedNodes = [node.name]
        guard index.isOutput(output) else { rewired = [output: input]; return }
        guard !index.isOutput(input), var producer = index.producer(of: input) else { return nil }
        removedNodes.insert(producer.name)
        producer.outputs = producer.outputs.map { $0 == input ? output : $0 }
        addedNodes = [producer]
        rewired = [input: output]
    }
}
