import WinnowGraph
import WinnowOperators
import WinnowTensor

extension UnfoldedBranches {
    /// A changed form of the graph on its way back.
    struct Folding {
        let unfolded: UnfoldedBranches
        let changed: Graph
        private var places: [String: [Int]] = [:]
        private var initializerPlaces: [ValueName: [Int]] = [:]
        /// By the name of a choice, or of what stands for the node, its fork.
        private var choices: [String: Int] = [:]

        init(_ unfolded: UnfoldedBranches, _ changed: Graph) {
            self.unfolded = unfolded
            self.changed = changed
            for (number, fork) in unfolded.forks.enumerated() {
                for name in fork.choices + (fork.repeated == nil ? [] : [fork.node.name]) { choices[name] = number }
            }
            var readers: [ValueName: [Int]] = [:]
            func read(_ value: ValueName, at place: [Int]) {
                readers[value] = readers[value].map { Array(zip($0, place).prefix { $0 == $1 }.map(\.0)) } ?? place
            }
            for output in changed.outputs { read(output, at: []) }
            for node in changed.nodes.reversed() {
                let around = node.outputs.compactMap { readers[$0] }.reduce(nil as [Int]?) { sum, other in
                    sum.map { Array(zip($0, other).prefix { $0 == $1 }.map(\.0)) } ?? other
                }
                let place = unfolded.places[node.name] ?? around ?? []
                places[node.name] = place
                for (position, value) in node.inputs.enumerated() { read(value, at: place + branch(of: node, position)) }
                for value in node.op.capturedValues { read(value, at: place) }
            }
            for name in changed.initializerNames { initializerPlaces[name] = unfolded.initializerPlaces[name] ?? readers[name] ?? [] }
        }

        /// The branch whose output an input is, as the values of a choice are: none for other inputs.
        private func branch(of node: Node, _ position: Int) -> [Int] {
            guard let number = choices[node.name] else { return [] }
            switch node.op {
            case let exit as BodyExit: return position < exit.operandCount ? [] : [2 * number]
            case is BodyCollection: return position > 0 ? [] : [2 * number]
            default: return position > 0 ? [2 * number + position - 1] : []
            }
        }

        func folded() throws -> Graph {
            try Graph(
                name: changed.name, inputs: changed.inputs, outputs: changed.outputs, nodes: nodes(at: []),
                initializers: initializers(at: []), updates: changed.updates, captures: changed.captures, metadata: changed.metadata)
        }

        private func initializers(at place: [Int]) -> [(name: ValueName, tensor: Tensor)] {
            changed.namedInitializers.filter { initializerPlaces[$0.name] == place }
        }

        /// The nodes of a branch, with an If, a Loop or a Scan in the place of what stands for it.
        private func nodes(at place: [Int]) throws -> [Node] {
            var seen: Set<Int> = []
            return try changed.nodes.compactMap { node in
                guard places[node.name] == place else { return nil }
                if unfolded.borders.contains(node.name) {
                    guard let number = choices[node.name], let body = unfolded.forks[number].repeated, let exit = node.op as? BodyExit else { return nil }
                    return try self.node(body, number, exit, of: node, at: place)
                }
                guard let number = choices[node.name] else {
                    return Node(
                        name: unfolded.names[node.name] ?? node.name, op: node.op, inputs: node.inputs, outputs: node.outputs,
                        notes: node.notes)
                }
                guard seen.insert(number).inserted else { return nil }
                let fork = unfolded.forks[number]
                let choices = fork.choices.compactMap { changed.node(named: $0) }
                let op = If(
                    then: try branch(place + [2 * number], outputs: choices.map { $0.inputs[1] }, of: fork.branches[0]),
                    else: try branch(place + [2 * number + 1], outputs: choices.map { $0.inputs[2] }, of: fork.branches[1]))
                return Node(
                    name: unfolded.names[fork.node.name] ?? fork.node.name, op: op, inputs: [choices[0].inputs[0]],
                    outputs: choices.map { $0.outputs[0] }, notes: fork.node.notes)
            }
        }

        /// A Loop or Scan with what is between its borders now.
        private func node(_ body: RepeatedBody, _ number: Int, _ exit: BodyExit, of node: Node, at place: [Int]) throws -> Node {
            let fork = unfolded.forks[number]
            let (flat, operands, given) = (fork.branches[0], node.inputs.prefix(exit.operandCount), node.inputs.dropFirst(exit.operandCount))
            let collected = fork.choices.compactMap { changed.node(named: $0) }
            var outputs = flat.outputs
            for (output, value) in zip(body.states.map(\.output) + body.others, given) { outputs[output] = value }
            for (index, collection) in collected.enumerated() { outputs[outputs.count - collected.count + index] = collection.inputs[0] }
            let inputs = zip(flat.inputs, body.node.op.bodies["body"]?.inputs ?? []).map { input, declared in
                GraphInput(input.name, RepeatedBody.written(changed.infos[input.name]?.type ?? declared.type, as: declared.type))
            }
            let inner = try branch(place + [2 * number], inputs: inputs, outputs: outputs, of: flat)
            let results = node.outputs.dropLast() + collected.map { $0.outputs[0] }
            return Node(
                name: unfolded.names[node.name] ?? node.name, op: try body.node.op.changingBodies(in: changed) { _ in inner }, inputs: Array(operands),
                outputs: zip(results, body.node.outputs).map { $1.isEmpty ? "" : $0 }, notes: body.node.notes)
        }

        private func branch(_ place: [Int], inputs: [GraphInput] = [], outputs: [ValueName], of original: Graph) throws -> Graph {
            let (nodes, initializers) = (try nodes(at: place), initializers(at: place))
            let made = Set(nodes.flatMap(\.outputs) + initializers.map(\.name) + inputs.map(\.name))
            let read = Set(nodes.flatMap { $0.inputs + $0.op.capturedValues } + outputs).subtracting(made).subtracting([""])
            var captures: [ValueName: ValueType] = [:]
            for name in read { captures[name] = changed.infos[name]?.type }
            var metadata = original.metadata
            metadata.outputTypes = [:]
            let flat = try Graph(
                name: original.name, inputs: inputs, outputs: outputs, nodes: nodes, initializers: initializers, captures: captures,
                metadata: metadata)
            let back = made.reduce(into: [:]) { back, name in back[name] = unfolded.values[name] }
            return try flat.renamingValues(back.filter { $0.key != $0.value })
        }
    }
}
