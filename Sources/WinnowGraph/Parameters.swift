import WinnowTensor

/// The numbers a model has learned: what its data meets of constants, whatever they are stored as. Masks, scales, zero points,
/// shapes, limits, ratios and what its file tells to be a constant are none, but for what layers multiply with and sum.
package struct Parameters: Sendable {
    /// Numbers in the form in which a node that computes on data reads them.
    package struct Entry: Sendable {
        /// The initializer that holds the numbers, or the codes they are made from.
        package var tensor: ValueName
        /// What the node reads: the initializer, or what nodes on constants (a mask, DequantizeLinear, a palette) make of it.
        package var operand: ValueName
        package var reader: Node
        /// The place of `operand` among the reader's inputs.
        package var input: Int
        package var elementCount: Int
        /// The rank of what the node computes with.
        package var rank: Int
        /// Whether training gathers the numbers from data rather than following a gradient.
        package var isStatistic: Bool { reader.op.inputRoles[input] == .statistic }
    }

    /// Each initializer once, in the order in which nodes read them.
    package private(set) var entries: [Entry] = []
    /// Nodes that compute on constants only.
    package private(set) var constantNodes: Set<String> = []
    /// The initializers behind every value that no input of the model reaches.
    package private(set) var origins: [ValueName: [ValueName]] = [:]
    /// The largest initializer behind each of them that the nodes between take for numbers.
    private var sources: [ValueName: ValueName] = [:]
    private let graph: Graph
    private let index: GraphIndex
    /// What the file tells to be numbers of the model rather than parameters.
    private let constants: Set<ValueName>
    /// Initializers that tell what codes stand for.
    private var scales: Set<ValueName> = []

    package init(_ graph: Graph) {
        self.graph = graph
        index = GraphIndex(graph)
        constants = graph.constantNames
        for name in graph.initializerNames { (origins[name], sources[name]) = ([name], name) }
        let given = Set(graph.outputs).union(graph.updates.values)
        for node in graph.nodes {
            let operands = node.inputs.filter { !$0.isEmpty }
            let behind = operands.compactMap { origins[$0] }
            let isConstant = !operands.isEmpty && behind.count == operands.count && node.op.bodies.isEmpty
            guard isConstant, given.isDisjoint(with: node.outputs) else { continue }
            constantNodes.insert(node.name)
            var seen: Set<ValueName> = []
            let (own, source) = (behind.joined().filter { seen.insert($0).inserted }, source(of: node))
            for output in node.outputs { (origins[output], sources[output]) = (own, source) }
        }
        scales = codeScales()
        var seen: Set<ValueName> = []
        for node in graph.nodes where !constantNodes.contains(node.name) {
            for entry in entries(of: node) where seen.insert(entry.tensor).inserted { entries.append(entry) }
        }
    }

    /// What one node reads; a shared initializer is listed for each of its readers.
    package func entries(of node: Node) -> [Entry] {
        let roles = node.op.inputRoles
        let own = node.inputs.enumerated().compactMap { place, operand -> Entry? in
            guard !operand.isEmpty, origins[operand] != nil, let tensor = sources[operand] else { return nil }
            switch roles[place] {
            case .scale, .zeroPoint, .setting: return nil
            case .packed(let codes):
                let count = graph.initializers[tensor].map(codes.elementCount) ?? 0
                return Entry(tensor: tensor, operand: operand, reader: node, input: place, elementCount: count, rank: 2)
            case .numbers: return entry(tensor, operand, node, place, takesWideIntegers: true)
            case .statistic, nil: return entry(tensor, operand, node, place, takesWideIntegers: false)
            }
        }
        // What bodies read of this graph is no input; their own constants are theirs.
        return own + node.op.capturedValues.compactMap { operand in
            sources[operand].flatMap { entry($0, operand, node, -1, takesWideIntegers: false) }
        }
    }

    /// nil for what is no learned number: single numbers, whole numbers wider than codes, truth values.
    private func entry(_ tensor: ValueName, _ operand: ValueName, _ node: Node, _ place: Int, takesWideIntegers: Bool) -> Entry? {
        guard let info = graph.infos[operand], let shape = info.shape ?? graph.initializers[tensor]?.shape, shape.rank > 0 else { return nil }
        let isCode = info.elementType.isInteger && info.elementType.bitWidth <= 8
        guard info.elementType.isFloatingPoint || isCode || takesWideIntegers && info.elementType.isInteger else { return nil }
        let entry = Entry(
            tensor: tensor, operand: operand, reader: node, input: place, elementCount: shape.elementCount, rank: shape.rank)
        let isGiven = constants.contains(tensor) && !entry.isStatistic || scales.contains(tensor)
        return isGiven && !sums(entry) ? nil : entry
    }

    /// The initializers that data's way through the graph takes for scales and zero points of codes: those that are looked up as the codes are,
    /// factors of codes that became floats, and scales of weights that join those that DynamicQuantizeLinear gives to data.
    private func codeScales() -> Set<ValueName> {
        var result: Set<ValueName> = []
        // Codes, and codes as floats, by how many numbers have them.
        var codes = graph.initializers.filter { $1.elementType.isInteger && $1.elementType.bitWidth <= 8 }.mapValues(\.elementCount)
        var floats: [ValueName: Int] = [:]
        for node in graph.nodes where !constantNodes.contains(node.name) {
            for (place, role) in node.op.inputRoles where role.tellsOfCodes {
                if let value = node.input(place), origins[value] == nil, let tensor = moved(value) { result.insert(tensor) }
            }
            guard let first = node.input(0), let output = node.output(0) else { continue }
            if node.op.quantization == .keepsScale {
                (codes[output], floats[output]) = (codes[first], floats[first])
            } else if node.op.type.name == "Cast" {
                floats[output] = codes[first]
            } else if node.op.type.name == "DynamicQuantizeLinear", let scale = node.output(1) {
                floats[scale] = .max
            } else if ["Mul", "Sub"].contains(node.op.type.name), let place = node.inputs.firstIndex(where: { floats[$0] != nil }),
                let tensor = moved(node.input(1 - place)), graph.initializers[tensor]?.elementCount ?? 0 < floats[node.inputs[place]] ?? 0
            {
                // As many numbers as codes are numbers of their own.
                result.insert(tensor)
                // Behind a zero point comes a scale.
                if node.op.type.name == "Sub" { floats[output] = floats[node.inputs[place]] }
            }
        }
        return result
    }

    /// The initializer behind a value that is made of constants, or of one that nodes only move.
    private func moved(_ value: ValueName?) -> ValueName? {
        guard var value else { return nil }
        while sources[value] == nil, let producer = index.producer(of: value), producer.op.quantization == .keepsScale,
            let source = producer.input(0)
        { value = source }
        return sources[value]
    }

    /// Whether the reader multiplies data with the numbers and sums the products.
    package func sums(_ entry: Entry) -> Bool {
        guard entry.reader.inputs.indices.contains(entry.input) else { return false }
        let map = entry.reader.op.axes(for: entry.reader.inputs.map { $0.isEmpty ? nil : graph.infos[$0] })
        return map.summedAxis(ofInput: entry.input, rank: entry.rank) != nil
    }

    /// The largest initializer behind what a node makes of constants.
    private func source(of node: Node) -> ValueName? {
        let roles = node.op.inputRoles
        let candidates = node.inputs.enumerated().compactMap { place, input -> ValueName? in
            guard !input.isEmpty, !(node.notes.isMask && place == 1) else { return nil }
            switch roles[place] ?? .numbers {
            case .numbers, .statistic, .packed: return sources[input]
            default: return nil
            }
        }
        return candidates.max { (graph.initializers[$0]?.elementCount ?? 0) < (graph.initializers[$1]?.elementCount ?? 0) }
    }

    /// All numbers together, those of bodies included.
    package var count: Int {
        entries.reduce(0) { $0 + $1.elementCount }
            + graph.nodes.flatMap { $0.op.bodies.values }.reduce(0) { $0 + Parameters($1).count }
    }

    /// Those that a compressor works on: of two axes or more.
    package var weights: [Entry] { entries.filter { $0.rank >= 2 && $0.elementCount > 1 } }
}
