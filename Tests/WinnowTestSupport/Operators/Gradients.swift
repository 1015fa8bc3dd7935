package import WinnowEngine
package import WinnowGraph
import WinnowOperators
package import WinnowTensor
import WinnowTraining

extension OperatorSample {
    /// The gradients that the operator emits for the weights `target` on its output; nil entries are zero.
    package func gradients(target: Tensor) throws -> [Tensor?]? {
        if op is any Decomposition { return try gradientsOfParts(target: target) }
        let (builder, node) = try build()
        let seed = try builder.input("g", .float32, target.shape.map { .fixed($0) })
        let needed = inputs.indices.map { differentiated.contains($0) }
        let given = node.outputs.indices.map { $0 == gradientOutput ? seed : nil }
        let context = GradientContext(builder: builder, node: node, outputGradients: given, isNeeded: needed)
        guard let names = try op.gradient(context) else { return nil }
        let wanted = differentiated.map { $0 < names.count ? names[$0] : nil }
        // An output of a graph must not be one of its inputs: go through a copy.
        let outputs = try wanted.map { name in try name.map { try builder.add(CopyForTest(), $0) } }
        let graph = try builder.graph(outputs: Array(Set(outputs.compactMap { $0 })).sorted())
        var fed = fed(graph)
        fed["g"] = target
        let results = try Session(graph, options: SessionOptions(lowers: false)).run(fed)
        return outputs.map { name in name.flatMap { results[$0] } }
    }

    /// The gradients through the training form, which puts the parts in the operator's place.
    private func gradientsOfParts(target: Tensor) throws -> [Tensor?] {
        let (builder, node) = try build()
        let weights = try builder.input("g", .float32, target.shape.map { .fixed($0) })
        let product = try builder.add(Mul(), node.outputs[gradientOutput], weights)
        let loss = try builder.add(ReduceSum(axes: nil, keepsAxes: false), product)
        let graph = try builder.graph(outputs: [loss]).trainingForm()
        let (extended, gradients) = try Differentiation.gradients(
            of: loss, withRespectTo: differentiated.map(inputName), in: graph)
        var edit = GraphEdit()
        edit.outputs = [loss] + Set(gradients.values).sorted()
        var fed = fed(extended)
        fed["g"] = target
        let results = try Session(extended.applying(edit), options: SessionOptions(lowers: false)).run(fed)
        return differentiated.map { index in gradients[inputName(index)].flatMap { results[$0] } }
    }

    /// Σ target · output in float64.
    package func weightedSum(_ plan: Plan, _ output: ValueName, _ target: [Double]) throws -> Double {
        try plan.execute()
        return plan.withOutput(output) { bytes in
            let values = bytes.bindMemory(to: Float.self)
            return target.indices.reduce(0) { $0 + target[$1] * Double(values[$1]) }
        } ?? 0
    }

    /// The derivative of Σ target · output by each of the first `limit` elements of input `index`: fourth-order central
    /// differences with step `h`.
    package func finiteDifferences(_ index: Int, target: Tensor, limit: Int = 40, step h: Double = 0.005) throws -> [Double] {
        let graph = try graph()
        let plan = try Plan(graph, inputShapes: fed(graph).mapValues(\.shape), options: SessionOptions(lowers: false))
        for (name, tensor) in fed(graph) { try plan.setInput(name, tensor) }
        let weights = target.doubles()
        guard let x = inputs[index] else { return [] }
        return try (0..<min(limit, x.elementCount)).map { element in
            func value(_ offset: Double) throws -> Double {
                plan.withInput(inputName(index)) { bytes in
                    bytes.bindMemory(to: Float.self)[element] = Float(x.doubles()[element] + offset)
                }
                return try weightedSum(plan, graph.outputs[gradientOutput], weights)
            }
            let slope = try (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
            _ = try value(0)
            return slope
        }
    }
}

/// A copy, so that a test can read any value as an output.
private struct CopyForTest: Operator {
    static let type = OperatorType("CopyForTest", domain: "test")
    init() {}
    init(attributes: Attributes, version: Int) throws {}
    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(inputs[0]?.type ?? ValueType(.float32, nil))] }
    func kernel(for request: KernelRequest) throws -> Kernel {
        let byteCount = try request.input(0).byteCount
        return Kernel { $0.output(0).copyMemory(from: $0.input(0), byteCount: byteCount) }
    }
}
