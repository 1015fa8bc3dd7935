import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// The parts of the outputs' energy that roundings take. A value may have the name of a layer.
struct RoundingNoises {
    /// By the first value of a group.
    var values: [ValueName: Double] = [:]
    /// By the name of the layer whose weight is rounded.
    var weights: [String: Double] = [:]
}

/// How much of the outputs' energy noise on values takes, and what rounding weights takes; of outputs that cannot be compared, what
/// determines them.
///
/// With g the gradient of Σ ε·y / ‖y‖, ε random and normal (Hutchinson 1989), noise on a value that is independent from number to
/// number, with mean square σ², makes E‖Δy‖² / ‖y‖² = σ² · Σ E g², summed over outputs; a shift s·d of a value by a known d makes
/// E (∂/∂s)².
struct OutputSensitivity {
    /// Σ E g², by value. Values are missing where what comes behind them has no derivative, or an infinite one.
    private(set) var gains: [ValueName: Double] = [:]
    /// What rounding a layer's weight takes of the outputs' energy, by the layer's name.
    private(set) var weightNoises: [String: Double] = [:]

    /// Runs forward and back over samples one by one.
    init(of values: [ValueName], _ shifts: [WeightShift], in graph: Graph, _ context: PassContext, sampleCount: Int) throws {
        let graph = try graph.givingComparableOutputs()
        let meanSquares = try Self.meanSquares(in: graph, context, sampleCount)
        guard meanSquares.contains(where: { $0 != nil }), !values.isEmpty else { return }
        let builder = GraphBuilder(extending: graph)
        var strengths: [String: ValueName] = [:]
        var rewired: [ValueName: ValueName] = [:]
        for shift in shifts {
            let (node, zero) = (shift.site.node, builder.constant("\(shift.site.node.name).strength", Tensor([Float(0)])))
            strengths[node.name] = zero
            rewired[node.outputs[0]] = try shift.outputs(builder, strength: zero)
        }
        var edit = builder.edit()
        edit.rewired = rewired
        var context = context
        context.objective = { try Self.objective(of: $0, meanSquares) }
        let wanted = values + strengths.values.sorted()
        guard var gradients = try Self.gradients(of: wanted, in: graph.applying(edit), context) else { return }
        for value in wanted { gradients.request(SquareSum(), of: value) }
        try gradients.gather(sampleCount: sampleCount)
        func gain(_ value: ValueName) -> Double {
            gradients[value, SquareSum.self].map { $0.sum / Double(max(1, $0.batchCount)) } ?? 0
        }
        for value in values where gain(value).isFinite { gains[value] = gain(value) }
        for (name, strength) in strengths where gain(strength).isFinite { weightNoises[name] = gain(strength) }
    }

    /// Of each output; nil where it has no energy or is not float32.
    private static func meanSquares(in graph: Graph, _ context: PassContext, _ sampleCount: Int) throws -> [Double?] {
        let outputs = graph.outputs.filter { graph.infos[$0]?.elementType == .float32 && graph.infos[$0]?.type.isTensor == true }
        guard !outputs.isEmpty else { return [] }
        var powers = Statistics()
        for output in outputs { powers.request(SquareSum(), of: output) }
        try powers.gather(in: graph, context: context, sampleCount: sampleCount)
        return graph.outputs.map { output in
            guard let squares = powers[output, SquareSum.self], squares.count > 0 else { return nil }
            let mean = squares.sum / Double(squares.count)
            return mean > 0 && mean.isFinite ? mean : nil
        }
    }

    /// nil where the outputs cannot be differentiated.
    private static func gradients(of values: [ValueName], in graph: Graph, _ context: PassContext) throws -> LossGradients? {
        do { return try LossGradients(of: values, in: graph, context) } catch let error as WinnowError {
            guard error.kind == .unsupported || error.kind == .model || error.kind == .shape else { throw error }
            return nil
        }
    }

    /// Σ over outputs of Σ ε·y / √(n · mean y²).
    private static func objective(of graph: Graph, _ meanSquares: [Double?]) throws -> Objective {
        try Objective(of: graph) { builder in
            var losses: [(weight: Double, value: ValueName)] = []
            for (output, meanSquare) in zip(graph.outputs, meanSquares) {
                guard let meanSquare else { continue }
                let ones = try builder.add(ConstantOfShape(Tensor([Float(1)])), builder.add(ShapeOf(), output))
                let count = try builder.add(ReduceSum(keepsAxes: false), ones)
                let product = try builder.add(Mul(), output, builder.add(RandomNormalLike(), ones))
                let sum = try builder.add(ReduceSum(keepsAxes: false), product)
                losses.append((1 / meanSquare.squareRoot(), try builder.add(Div(), sum, builder.add(Sqrt(), count))))
            }
            return try Loss.weightedSum(builder, losses)
        }
    }
}
