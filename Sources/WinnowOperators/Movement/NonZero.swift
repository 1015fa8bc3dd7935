package import WinnowGraph
import WinnowTensor

/// The indices of elements other than 0, one column each; how many there are depends on the data.
package struct NonZero: Operator {
    package static let type = OperatorType("NonZero")

    package init() {}
    package init(attributes: Attributes, version: Int) throws {}

    package var minimumVersion: Int { 9 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        if let tensor = data.constant, tensor.elementCount <= 4096 { return [ValueInfo(constant: Self.indices(tensor))] }
        return [ValueInfo(.int64, [data.rank.map { .fixed($0) } ?? .unknown, .unknown])]
    }

    private static func indices(_ tensor: Tensor) -> Tensor {
        let strides = tensor.shape.strides
        let found = tensor.doubles().enumerated().filter { $0.element != 0 }.map(\.offset)
        let values = tensor.shape.indices.flatMap { axis in found.map { Int64($0 / strides[axis] % tensor.shape[axis]) } }
        return Tensor(values, shape: [tensor.rank, found.count])
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        guard let tensor = try request.input(0).constant else {
            throw WinnowError(.unsupported, request.nodeName, "the shape of its result depends on data")
        }
        return Constant(Self.indices(tensor)).filling()
    }
}
