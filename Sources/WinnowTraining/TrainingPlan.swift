import WinnowEngine
import WinnowGraph
import WinnowTensor

/// A plan with the addresses of its loss and gradients.
final class TrainingPlan {
    let plan: Plan
    let loss: UnsafePointer<Float>
    let gradients: [GradientBuffer]
    /// Those that are read between steps and move no parameter.
    let watched: [GradientBuffer]
    var allGradients: [GradientBuffer] { gradients + watched }

    init(
        _ graph: TrainingGraph, _ lowered: Graph, shapes: [ValueName: Shape], variables: VariableStore,
        _ options: SessionOptions
    ) throws {
        let plan = try Plan(lowered, inputShapes: shapes, variables: variables, options: options)
        func memory(_ name: ValueName) throws -> UnsafeMutableBufferPointer<Float> {
            let bytes = plan.withOutput(name) { UnsafeMutableRawBufferPointer(mutating: $0) }
            guard let bytes, bytes.baseAddress != nil else {
                throw WinnowError(.model, "value \(name)", "is no output of the training plan")
            }
            return bytes.assumingMemoryBound(to: Float.self)
        }
        guard let loss = try memory(graph.loss).baseAddress else {
            throw WinnowError(.model, "loss \(graph.loss)", "is empty")
        }
        self.loss = UnsafePointer(loss)
        gradients = try graph.parameters.map { name in
            GradientBuffer(name: name, values: try memory(graph.gradients[name] ?? name))
        }
        watched = try graph.watched.map { GradientBuffer(name: $0.value, values: try memory($0.gradient)) }
        self.plan = plan
    }
}
