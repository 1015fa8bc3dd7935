package import WinnowGraph
package import WinnowTensor

/// The indices of elements other than 0, one column each; how many there are depends on the data.
package struct NonZero: ContentShaped, AttributeFree {
    package static let type = OperatorType("NonZero")
    package static let maximumInputCount = 1

    package init() {}

    package var minimumVersion: Int { 9 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(.int64, [try inputs.required(0).rank.map { .fixed($0) } ?? .unknown, .unknown])]
    }

    package func results(of inputs: [Tensor?]) throws -> [Tensor] {
        let tensor = try inputs.required(0)
        let strides = tensor.shape.strides
        let found = tensor.doubles().enumerated().filter { $0.element != 0 }.map(\.offset)
        let values = tensor.shape.indices.flatMap { axis in found.map { Int64($0 / strides[axis] % tensor.shape[axis]) } }
        return [Tensor(values, shape: [tensor.rank, found.count])]
    }
}
