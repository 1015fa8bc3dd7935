package import WinnowGraph
import WinnowTensor

/// Numbers drawn from one distribution in a fixed shape.
package protocol RandomOperator: Operator {
    static var isNormal: Bool { get }
    var distribution: RandomDistribution { get }
    var shape: [Int] { get }
    init(_ distribution: RandomDistribution, shape: [Int])
}

extension RandomOperator {
    package static var typeAttributes: Set<String> { ["dtype"] }
    package var draws: Bool { true }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try RandomDistribution(attributes: attributes, isNormal: Self.isNormal), shape: try attributes.ints("shape") ?? [])
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

/// Numbers drawn from one distribution in the shape of the input.
package protocol RandomLikeOperator: Operator {
    static var isNormal: Bool { get }
    var distribution: RandomDistribution { get }
    init(_ distribution: RandomDistribution)
}

extension RandomLikeOperator {
    package static var typeAttributes: Set<String> { ["dtype"] }
    package var draws: Bool { true }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try RandomDistribution(attributes: attributes, isNormal: Self.isNormal))
    }

    package var attributes: Attributes { distribution.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        let type = distribution.target ?? data.elementType
        guard type.isFloatingPoint else {
            throw WinnowError(.model, "dtype", "is missing, and numbers cannot be drawn as \(type)", remedy: "say a floating-point type")
        }
        return [ValueInfo(type, data.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        var request = request
        request.inputs = []
        return try distribution.kernel(request)
    }
}
