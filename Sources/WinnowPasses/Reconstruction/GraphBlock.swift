import WinnowEngine
import WinnowGraph
import WinnowTensor

/// A piece of a graph through which all that depends on chosen layers passes: what it reads of the values before it, and what it
/// gives.
struct GraphBlock {
    /// Values that its nodes read and others make, inputs of the graph among them.
    let inputs: [ValueName]
    let outputs: [ValueName]
    /// The initializers that its layers multiply with.
    let tensors: [ValueName]

    /// A graph cut where but one value that depends on these weights is needed later on, as behind a residual sum: in topological
    /// order, each piece with `layerCount` of their layers or more, but for the last.
    static func all(of graph: Graph, around sites: [WeightSite], layerCount: Int) -> [GraphBlock] {
        let index = GraphIndex(graph)
        let weights = WeightSites(sites)
        var last: [ValueName: Int] = [:]
        for (place, node) in graph.nodes.enumerated() { for input in node.readValues { last[input] = place } }
        for output in graph.outputs { last[output] = graph.nodes.count }
        let constants = graph.constantOrigins
        var (blocks, start, layers, tensors) = ([GraphBlock](), 0, 0, [ValueName]())
        var (dependent, live) = (Set<ValueName>(), Set<ValueName>())
        func close(_ end: Int, _ outputs: [ValueName]) {
            let nodes = graph.nodes[start..<end]
            let made = Set(nodes.flatMap(\.outputs))
            var inputs: [ValueName] = []
            for value in nodes.flatMap(\.readValues) where constants[value] == nil && !made.contains(value) {
                if !inputs.contains(value) { inputs.append(value) }
            }
            blocks.append(GraphBlock(inputs: inputs, outputs: outputs, tensors: tensors))
            (start, layers, tensors) = (end, 0, [])
        }
        for (place, node) in graph.nodes.enumerated() {
            let own = weights.of(node).map(\.tensor)
            tensors += own
            layers += own.isEmpty ? 0 : 1
            if !own.isEmpty || node.readValues.contains(where: dependent.contains) {
                for output in node.outputs where !output.isEmpty && last[output] != nil {
                    dependent.insert(output)
                    live.insert(output)
                }
            }
            live = live.filter { last[$0] ?? 0 > place }
            guard live.count == 1, layers >= layerCount, let value = live.first, !index.isOutput(value) else { continue }
            close(place + 1, [value])
        }
        if !tensors.isEmpty { close(graph.nodes.count, graph.outputs.filter { dependent.contains($0) }) }
        return blocks
    }

    /// The piece by itself.
    ///
    /// - Parameter types: of its inputs.
    func graph(of whole: Graph, types: [ValueName: ValueType]) throws -> Graph {
        var edit = GraphEdit()
        edit.outputs = outputs
        for value in inputs where !whole.inputNames.contains(value) {
            let name = whole.freshValueName("\(value).given")
            edit.rewired[value] = name
            edit.addedInputs.append(GraphInput(name, types[value] ?? ValueType(.float32, nil)))
        }
        var result = try whole.applying(edit).removingDeadNodes()
        let read = Set(result.nodes.flatMap(\.readValues))
        edit = GraphEdit()
        edit.removedInputs = Set(result.inputNames).subtracting(read)
        result = try result.applying(edit)
        return result
    }

    /// What an input is called in the graph of the piece.
    static func name(of input: ValueName, in whole: Graph) -> ValueName {
        whole.inputNames.contains(input) ? input : whole.freshValueName("\(input).given")
    }
}
