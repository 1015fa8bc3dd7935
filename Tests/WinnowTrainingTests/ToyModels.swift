import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// A perceptron image → activation → scores with torch's starting weights.
func perceptron(
    inputs: Int, hidden: Int, outputs: Int, seed: UInt64 = 1, activation: any Operator = Relu()
) throws -> Graph {
    var random = Initialization(seed: seed)
    let b = GraphBuilder("perceptron")
    let x = try b.input("image", .float32, ["N", .fixed(inputs)])
    let first = random.linear(inputs: inputs, outputs: hidden)
    let second = random.linear(inputs: hidden, outputs: outputs)
    let h = try b.add(
        Gemm(transposesRight: true), x, b.constant("fc1.weight", first.weight), b.constant("fc1.bias", first.bias), name: "fc1")
    let y = try b.add(
        Gemm(transposesRight: true), b.add(activation, h), b.constant("fc2.weight", second.weight),
        b.constant("fc2.bias", second.bias), name: "scores")
    return try b.graph(outputs: [y])
}

/// Points of the plane in two classes that no line separates: the sign of x·y.
func quadrants(count: Int, seed: UInt64 = 5) throws -> Dataset {
    var random = RandomGenerator(seed: seed)
    let points = (0..<(2 * count)).map { _ in 2 * random.uniform() - 1 }
    let labels = (0..<count).map { points[2 * $0] * points[2 * $0 + 1] > 0 ? 1 : 0 }
    return try Dataset([.init(Tensor(points, shape: [count, 2]))], labels: labels)
}
