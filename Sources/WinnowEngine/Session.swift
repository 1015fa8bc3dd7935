public import WinnowGraph
import WinnowKernels
public import WinnowTensor

/// Runs a graph as often as wanted: it is lowered once, and a plan is kept for each combination of input shapes.
///
/// Inputs with default values that the caller does not supply are constants. One session is for one thread at a time; several
/// may run side by side.
///
/// ```swift
/// let session = try Session(model.graph)
/// for image in images { print(try session.run(["image": image])["scores"] as Any) }
/// ```
public final class Session {
    public let graph: Graph
    /// The lowered graph, by the inputs whose default values it holds.
    private var lowered: [Set<ValueName>: Graph] = [:]
    private let options: SessionOptions
    private let observed: Set<ValueName>
    private var plans: [[Shape?]: Plan] = [:]

    /// A session of `graph` without outputs that are no numbers; throws where it cannot be planned.
    public convenience init(_ graph: Graph) throws { try self.init(graph, options: SessionOptions()) }

    /// `observed` outputs are not kept, only shown while a plan runs (see `Plan.execute(observing:)`).
    package init(_ graph: Graph, observed: Set<ValueName> = [], options: SessionOptions = SessionOptions()) throws {
        self.graph = try graph.givingComputedOutputs()
        self.observed = observed
        self.options = options
        _ = try lowered(supplied: [])
    }

    /// The graph as plans execute it where the caller supplies these inputs, and those that have no default value.
    private func lowered(supplied: Set<ValueName>) throws -> Graph {
        let missing = Set(graph.inputs.filter { $0.defaultValue != nil && !supplied.contains($0.name) }.map(\.name))
        if let graph = lowered[missing] { return graph }
        let whole = try graph.takingDefaults(except: supplied)
        let result = try options.lowers ? whole.lowered() : whole.removingDeadNodes()
        lowered[missing] = result
        return result
    }

    /// The plan for these input shapes, made at the first call.
    package func plan(for inputShapes: [ValueName: Shape]) throws -> Plan {
        let names = Set(graph.inputNames)
        for name in inputShapes.keys where !names.contains(name) {
            throw WinnowError(
                .data, "input \(name)", "the model has no such input",
                remedy: "its inputs are \(graph.inputNames.joined(separator: ", "))")
        }
        let key = graph.inputs.map { inputShapes[$0.name] }
        if let plan = plans[key] { return plan }
        let plan: Plan
        do {
            plan = try planInParts(for: inputShapes)
                ?? Plan(settled(for: inputShapes), inputShapes: inputShapes, observed: observed, options: options)
        } catch let error as WinnowError where error.kind == .shape { throw refusal(of: inputShapes, error) }
        plans[key] = plan
        return plan
    }

    /// Which axes of the inputs count samples, where these are computed each by itself.
    private lazy var independentSamples: SampleAxes? = {
        let axes = SampleAxes(of: graph)
        return axes.areIndependent(in: graph) ? axes : nil
    }()

    /// A plan that takes some samples at a time through the graph; nil where all at once take no longer.
    private func planInParts(for shapes: [ValueName: Shape]) throws -> Plan? {
        guard observed.isEmpty, options.lowers, shapes.values.contains(where: { ($0.extents.first ?? 1) > 1 }),
            let axes = independentSamples, let count = axes.count(in: shapes), count > 1
        else { return nil }
        let lowered = try lowered(supplied: Set(shapes.keys))
        let parts = try SampleParts(of: lowered, inputTypes: lowered.inputTypes(of: shapes), sampleCount: count)
        let size = parts.size(of: count, least: ThreadCount.current)
        guard size < count else { return nil }
        let split = Set(shapes.keys.filter { axes.axis(ofInput: $0) != nil })
        guard split.allSatisfy({ shapes[$0]?.extents.first == count }) else { return nil }
        var own = shapes
        for name in split { own[name] = shapes[name].map { Shape([size] + $0.extents.dropFirst()) } }
        return try Plan(repeating: Plan(lowered, inputShapes: own, options: options), count / size, splitting: split)
    }

    /// Says of which inputs it is, where the file leaves extents open that the model does not take as they come.
    private func refusal(of shapes: [ValueName: Shape], _ error: WinnowError) -> WinnowError {
        let open = graph.inputs.filter { $0.type.extents?.dropFirst().contains { $0.value == nil } == true && shapes[$0.name] != nil }
        guard !open.isEmpty else { return error }
        let words = open.prefix(3).map { "\($0.name.prefix(60)) \(shapes[$0.name]?.description ?? "")" }.joined(separator: ", ")
            + (open.count > 3 ? " and \(open.count - 3) more" : "")
        return WinnowError(
            .shape, "inputs \(words)", "do not go through the model: \(error.subject): \(error.problem)",
            remedy: "choose other extents, such as multiples of 32")
    }

    /// The graph to plan for these shapes, which may decide what its control flow does.
    private func settled(for shapes: [ValueName: Shape]) throws -> Graph {
        let lowered = try lowered(supplied: Set(shapes.keys))
        guard options.lowers, lowered.nodes.contains(where: { !$0.op.bodies.isEmpty }) else { return lowered }
        return try lowered.taking(lowered.inputTypes(of: shapes)).settlingControlFlow()
    }

    /// The outputs for these inputs, all by name; the members of a list `s` are `s.0`, `s.1`, …. The first axis is the batch, of any
    /// size where the model leaves it open. Throws `.data` naming an input that is missing or of another type, `.shape` where
    /// shapes do not go through the model.
    public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let results = try run(values: inputs.mapValues { .tensor($0) })
        return results.reduce(into: results.compactMapValues(\.tensor)) { tensors, result in
            for (index, member) in (result.value.list ?? []).enumerated() { tensors["\(result.key).\(index)"] = member }
        }
    }

    /// The outputs for these inputs, all by name; optional inputs may be left out.
    package func run(values: [ValueName: Datum]) throws -> [ValueName: Datum] {
        var shapes = values.compactMapValues { $0.tensor?.shape }
        for input in graph.inputs where !input.type.isTensor {
            shapes[input.name] = nil
            if let foreign = input.type.foreign { throw foreign.refusal(of: "input \(input.name)", "is") }
            guard values[input.name] != nil || input.type.isOptional else {
                throw WinnowError(.data, "input \(input.name)", "is missing", remedy: "the model takes \(input.type)")
            }
        }
        let plan = try plan(for: shapes)
        for (name, datum) in values { try plan.setInput(name, datum) }
        for input in graph.inputs where values[input.name] == nil && input.type.isOptional { try plan.setInput(input.name, .nothing) }
        try plan.execute()
        var outputs: [ValueName: Datum] = [:]
        for name in graph.outputs { outputs[name] = plan.datum(name) }
        return outputs
    }
}

extension Session: CustomStringConvertible {
    /// `session of lenet-5, planned for 2 combinations of input shapes`
    public var description: String {
        "session of \(graph.name), planned for \(plans.count) \(plans.count == 1 ? "combination" : "combinations") of input shapes"
    }
}
