import WinnowGraph
import WinnowTensor

extension Architecture {
    /// Linear layers with ReLU between; 784-256-10 unless widths say otherwise.
    static let multilayerPerceptron = Architecture(
        name: "mlp", summary: "linear layers with ReLU between, widths to choose (784,256,10)"
    ) { network, widths in
        try perceptron(&network, widths ?? [784, 256, 10])
    }

    /// 784-300-100-10 (LeCun et al. 1998).
    static let leNet300 = Architecture(name: "lenet-300-100", summary: "784-300-100-10 with ReLU, 266,610 parameters") { network, _ in
        try perceptron(&network, [784, 300, 100, 10])
    }

    private static func perceptron(_ network: inout NetworkBuilder, _ widths: [Int]) throws {
        guard widths.count >= 2, widths.allSatisfy({ $0 > 0 }) else {
            throw WinnowError(.usage, "--widths", "needs at least two positive numbers", remedy: "write for example 784,256,10")
        }
        try network.input(["N", .fixed(widths[0])])
        for layer in 1..<widths.count {
            if layer > 1 { try network.relu() }
            try network.linear("fc\(layer)", widths[layer - 1], widths[layer])
        }
    }
}
