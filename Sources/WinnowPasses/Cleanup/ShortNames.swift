import WinnowEngine
public import WinnowGraph

/// Gives nodes and all values but inputs and outputs the shortest names there are.
///
/// Names are a fifth of the file of a network of a hundred thousand weights in 8 bits.
public struct ShortNames: Pass {
    public static let name = "short-names"
    public static let page = "Cleanup"
    public static let summary = "gives nodes and values inside short names, which makes small files smaller"
    public static let guide = """
        Nodes, weights and intermediate values are called a, b, … in their order; inputs and outputs keep their names, and so does what \
        control-flow bodies hold. Take it last: masks and codes are recognised all the same, but rules, globs and reports then know \
        layers by these names only.
        """
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let kept = Set(graph.inputs.map(\.name) + graph.outputs + graph.updates.keys + graph.updates.values + graph.captures.keys)
        var taken = kept
        for node in graph.nodes { for body in node.op.bodies.values { taken.formUnion(body.infos.keys.filter { body.captures[$0] == nil }) } }
        var names = Names(except: taken)
        var short: [ValueName: ValueName] = [:]
        for name in graph.namedInitializers.map(\.name) + graph.nodes.flatMap(\.outputs)
        where !name.isEmpty && !kept.contains(name) && short[name] == nil { short[name] = names.next() }
        let renamed = try graph.renamingValues(short)
        var nodeNames = Names(except: [])
        let result = try Graph(
            name: renamed.name, inputs: renamed.inputs, outputs: renamed.outputs,
            nodes: renamed.nodes.map { Node(name: nodeNames.next(), op: $0.op, inputs: $0.inputs, outputs: $0.outputs, notes: $0.notes) },
            initializers: renamed.namedInitializers, updates: renamed.updates, captures: renamed.captures, metadata: renamed.metadata)
        var ledger = WeightLedger(graph)
        for tensor in graph.weightTensors { ledger.note(Finding(tensor, .done, reason: "now \(short[tensor] ?? tensor)")) }
        return PassResult(graph: result, findings: ledger.findings { _ in "" })
    }
}

/// a, b, … z, aa, ab, … but for some.
private struct Names {
    private let exceptions: Set<String>
    private var count = 0

    init(except exceptions: Set<String>) { self.exceptions = exceptions }

    private static let letters = Array("abcdefghijklmnopqrstuvwxyz")

    mutating func next() -> String {
        while true {
            var (rest, name) = (count, "")
            repeat {
                name = String(Self.letters[rest % 26]) + name
                rest = rest / 26 - 1
            } while rest >= 0
            count += 1
            if !exceptions.contains(name) { return name }
        }
    }
}
