package import WinnowGraph
import WinnowTensor

/// Evenly distributed numbers in a fixed shape.
package struct RandomUniform: Operator {
    package static let type = OperatorType("RandomUniform")

    package var distribution: RandomDistribution
    package var shape: [Int]

    package init(_ distribution: RandomDistribution = RandomDistribution(isNormal: false, first: 0, second: 1), shape: [Int]) {
        self.distribution = distribution
        self.shape = shape
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try RandomDistribution(attributes: attributes, isNormal: false), shape: try attributes.ints("shape") ?? [])
        guard shape.allSatisfy({ $0 >= 0 }) else { throw WinnowError(.model, "shape", "\(shape) is not possible") }
    }

    package var attributes: Attributes {
        var attributes = distribution.attributes
        attributes["shape"] = .ints(shape)
        return attributes
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(distribution.target ?? .float32, shape.map { .fixed($0) })]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try distribution.kernel(request) }
}
