package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// An objective in training form with the gradients of its parameters.
package struct TrainingGraph: Sendable {
    /// Its outputs are the loss and the gradients, nothing else.
    package let graph: Graph
    package let loss: ValueName
    /// The trained initializers, in the order of the model.
    package let parameters: [ValueName]
    /// The gradient of each parameter, by the parameter's name.
    package let gradients: [ValueName: ValueName]
    /// The gradients of further values that somebody reads between steps, by the values' names.
    package let watched: [(value: ValueName, gradient: ValueName)]
    /// Initializers that would be trained but for a node between them and the loss that cannot be differentiated, with that node.
    package let obstacles: [ValueName: Node]
    /// Initializers that change while training: parameters, masks, running statistics, and those asked for.
    package let variables: Set<ValueName>

    /// - Parameters:
    ///   - frozen: initializers that are not trained.
    ///   - trained: initializers that are trained although the defaults leave them alone.
    ///   - changed: initializers that somebody changes between steps.
    ///   - watched: values whose gradients somebody reads between steps.
    ///   - sources: the values whose gradients parameters follow in place of their own.
    package init(
        _ objective: Objective, frozen: Set<ValueName> = [], trained: Set<ValueName> = [], changed: Set<ValueName> = [],
        watched: [ValueName] = [], sources: [ValueName: ValueName] = [:]
    ) throws {
        let form = try objective.graph.takingDefaults().trainingForm(frozen: frozen)
        var candidates = objective.graph.trainableInitializers(trained: trained).filter {
            !frozen.contains($0) && form.updates[$0] == nil && form.initializers[$0] != nil
        }
        let others = Set((watched + sources.values).filter { form.infos[$0]?.elementType == .float32 }).sorted()
        var (whole, gradients): (Graph, [ValueName: ValueName])
        var obstacles: [ValueName: Node] = [:]
        do {
            (whole, gradients) = try Differentiation.gradients(of: objective.loss, withRespectTo: candidates + others, in: form)
        } catch let error as WinnowError where error.kind == .unsupported {
            obstacles = try Differentiation.obstacles(between: candidates + others, and: objective.loss, in: form)
            let free = candidates.filter { obstacles[$0] == nil }
            (whole, gradients) = try Differentiation.gradients(
                of: objective.loss, withRespectTo: free + others.filter { obstacles[$0] == nil }, in: form)
            guard free.contains(where: { gradients[$0] != nil }) else { throw error }
            candidates = free
        }
        self.obstacles = obstacles
        for (parameter, source) in sources where gradients[parameter] != nil { gradients[parameter] = gradients[source] }
        parameters = candidates.filter { gradients[$0] != nil }
        self.watched = watched.compactMap { value in gradients[value].map { (value, $0) } }
        guard !parameters.isEmpty else {
            let problem = "depends on no parameter that may be trained"
            if let (name, reason) = objective.graph.unfitTensor { throw WinnowError.unfit(name, reason, "the loss \(objective.loss) \(problem)") }
            throw WinnowError(.model, "loss \(objective.loss)", problem, remedy: objective.graph.trainingRemedy)
        }
        var edit = GraphEdit()
        let outputs = parameters.compactMap { gradients[$0] }
        edit.outputs = [objective.loss] + outputs + Set(self.watched.map(\.gradient)).subtracting(outputs).sorted()
        graph = try whole.applying(edit).removingDeadNodes()
        loss = objective.loss
        self.gradients = gradients
        let masks = graph.maskNames
        let kept = graph.initializers
        variables = changed.union(parameters).union(masks).union(graph.updates.keys).filter { kept[$0] != nil }
    }
}

extension Graph {
    /// What stands in the way of training a graph without weights in float32.
    fileprivate var trainingRemedy: String {
        if inputs.contains(where: { $0.defaultValue != nil }) {
            return "its weights are inputs with default values; fold-constants with defaults=true makes them constants"
        }
        if let holder = nodes.first(where: { $0.op.bodies.values.contains { !$0.initializers.isEmpty } }) {
            return "weights in a body of \(holder.name) (\(holder.op.type)) are not trained"
        }
        let types = Set(initializers.values.filter { $0.rank > 1 }.map(\.elementType)).sorted { $0.rawValue < $1.rawValue }
        return types.isEmpty || types.contains(.float32)
            ? "" : "its weights are \(types.map { "\($0)" }.joined(separator: ", ")), and what cannot be computed in float32 is not trained"
    }

    /// The initializers of these types that are weights by default: no masks, no scalars, no infinities that blind attention, no
    /// scales or zero points of quantization, no constants among a file's nodes, unless they are in `trained`.
    package func trainableInitializers(trained: Set<ValueName> = [], of types: Set<ElementType> = [.float32]) -> [ValueName] {
        var quantizers: Set<ValueName> = []
        for node in nodes where ["QuantizeLinear", "DequantizeLinear"].contains(node.op.type.name) {
            quantizers.formUnion(node.inputs.dropFirst())
        }
        for node in nodes { for (place, role) in node.op.inputRoles where role == .scale { quantizers.formUnion([node.input(place)].compactMap { $0 }) } }
        let others = maskNames.union(constantNames)
        return initializerNames.filter { name in
            guard let tensor = initializers[name], types.contains(tensor.elementType) else { return false }
            return trained.contains(name)
                || (tensor.rank > 0 && !others.contains(name) && !quantizers.contains(name)
                    && tensor.converted(to: .float32).withElements(Float.self) { RangeStatistics(of: $0).isFinite })
        }
    }
}
