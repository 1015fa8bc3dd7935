import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Adds layers with seeded weights; `x` is always the last layer's output.
struct NetworkBuilder {
    let builder: GraphBuilder
    private var initialization: Initialization
    private(set) var x: ValueName = ""

    init(_ name: String, seed: UInt64) {
        builder = GraphBuilder(name)
        initialization = Initialization(seed: seed)
    }

    mutating func input(_ extents: [Extent]) throws { x = try builder.input("input", .float32, extents) }

    mutating func linear(_ name: String, _ inputs: Int, _ outputs: Int) throws {
        // Drawn as numbers of twice the size.
        try MemoryBudget.check(inputs *| outputs *| 8, for: "layer \(name)", remedy: "give smaller widths")
        let (weight, bias) = initialization.linear(inputs: inputs, outputs: outputs)
        x = try builder.linear(
            x, builder.constant("\(name).weight", weight), builder.constant("\(name).bias", bias), name: name)
    }

    /// A square filter and how it moves over the image.
    struct Filter {
        var size: Int
        var stride = 1
        var padding = 0
    }

    mutating func convolution(_ name: String, _ inputs: Int, _ outputs: Int, _ filter: Filter, bias: Bool = true) throws {
        let (weight, biases) = initialization.convolution(inputs: inputs, outputs: outputs, kernel: [filter.size, filter.size])
        x = try builder.conv(
            x, builder.constant("\(name).weight", weight), bias ? builder.constant("\(name).bias", biases) : nil,
            stride: filter.stride, padding: filter.padding, name: name)
    }

    mutating func batchNorm(_ name: String, _ channels: Int) throws {
        func vector(_ suffix: String, _ value: Float) -> ValueName {
            builder.constant("\(name).\(suffix)", Tensor(repeating: value, shape: [channels]))
        }
        x = try builder.add(
            BatchNormalization(), x, vector("weight", 1), vector("bias", 0), vector("running_mean", 0),
            vector("running_var", 1), name: name)
    }

    mutating func relu() throws { x = try builder.relu(x) }
    mutating func maxPool(_ size: Int) throws { x = try builder.maxPool(x, size: size) }
    mutating func flatten() throws { x = try builder.add(Flatten(), x) }
    mutating func globalAveragePool() throws { x = try builder.add(GlobalAveragePool(), x) }
    mutating func dropout(_ ratio: Double) throws { x = try builder.dropout(x, ratio: ratio) }
    mutating func add(_ other: ValueName) throws { x = try builder.add(x, other) }

    /// Runs `body` from `start` instead of the present output and gives where it ends; the present output is kept.
    mutating func branch(from start: ValueName, _ body: (inout NetworkBuilder) throws -> Void) rethrows -> ValueName {
        let present = x
        x = start
        defer { x = present }
        try body(&self)
        return x
    }

    mutating func finish() throws -> Graph {
        x = builder.renameLastOutput(to: "logits")
        var graph = try builder.graph(outputs: [x])
        graph.metadata.declaredValues = Set(graph.nodes.flatMap(\.outputs))
        return graph
    }
}
