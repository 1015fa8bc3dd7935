package import WinnowGraph
import WinnowTensor

/// Evenly distributed numbers in the shape of the input.
package struct RandomUniformLike: Operator {
    package static let type = OperatorType("RandomUniformLike")

    package var distribution: RandomDistribution

    package init(_ distribution: RandomDistribution = RandomDistribution(isNormal: false, first: 0, second: 1)) {
        self.distribution = distribution
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try RandomDistribution(attributes: attributes, isNormal: false))
    }

    package var attributes: Attributes { distribution.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        return [ValueInfo(distribution.target ?? data.elementType, data.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        var request = request
        request.inputs = []
        return try distribution.kernel(request)
    }
}
