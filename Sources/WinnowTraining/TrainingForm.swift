package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// The initializer that counts training steps (int64, shape []), for operators that draw random numbers.
package let trainingStepName: ValueName = "training.step"

extension Graph {
    /// The graph with every operator in its training form, and the step counter where one reads it.
    ///
    /// - Parameters:
    ///   - computesTheSame: only those forms that compute what the operator computes: a layer taken apart into steps, but no
    ///     statistics of batches and nothing random.
    ///   - frozen: initializers that stay; a form made to change these alone is not taken.
    package func trainingForm(computesTheSame: Bool = false, frozen: Set<ValueName> = []) throws -> Graph {
        var graph = try separatingStatistics()
        var index = GraphIndex(graph)
        var names = Array(nodes.map(\.name).reversed())
        // What an operator becomes may have training forms of its own.
        while let name = names.popLast() {
            guard let node = graph.node(named: name) else { continue }
            let edit: GraphEdit?
            do { edit = try node.op.trainingForm(of: node, in: index) } catch let error as WinnowError {
                throw error.within("training form of node \(node.name) (\(node.op.type))")
            }
            guard var edit, !computesTheSame || edit.computesTheSame else { continue }
            let changes = edit.updates.filter { !frozen.contains($0.key) }
            if changes.isEmpty, !edit.updates.isEmpty { continue }
            edit.updates = changes
            // A layer that is met twice goes on from what its first call made of the statistics.
            for place in edit.addedNodes.indices {
                let inputs = edit.addedNodes[place].inputs
                edit.addedNodes[place].inputs = inputs.map { changes[$0] == nil ? $0 : graph.updates[$0] ?? $0 }
            }
            names += edit.addedNodes.map(\.name).reversed()
            let readsStep = edit.addedNodes.contains { $0.inputs.contains(trainingStepName) }
            let lacksStep = graph.infos[trainingStepName] == nil
            graph = try graph.applying(readsStep && lacksStep ? [edit, try graph.stepCounter()] : [edit])
            index = GraphIndex(graph)
        }
        return graph
    }

    /// The counter and its update step + 1.
    private func stepCounter() throws -> GraphEdit {
        var edit = GraphEdit()
        let next = freshValueName("training.step.next")
        edit.initializers = [(trainingStepName, Tensor(scalar: Int64(0))), ("training.step.one", Tensor(scalar: Int64(1)))]
        edit.addedNodes = [
            Node(name: next, op: Add(), inputs: [trainingStepName, "training.step.one"], outputs: [next])
        ]
        edit.updates = [trainingStepName: next]
        return edit
    }
}

extension GraphEdit {
    /// Whether a training form is the operator in other words.
    fileprivate var computesTheSame: Bool {
        updates.isEmpty && !addedNodes.contains { $0.inputs.contains(trainingStepName) }
    }
}
