package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// A value of the shape in input 0 with every element the same.
package struct ConstantOfShape: Operator {
    package static let type = OperatorType("ConstantOfShape")
    package static let maximumInputCount = 1

    /// One element of the result's type.
    package var value: Tensor

    package init(_ value: Tensor) { self.value = value }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try attributes.tensor("value") ?? Tensor([Float(0)]))
        guard value.elementCount == 1 else { throw WinnowError(.model, "value", "has \(value.elementCount) elements, not 1") }
    }

    package var attributes: Attributes { ["value": .tensor(value)] }
    package var minimumVersion: Int { 9 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let shape = try inputs.required(0)
        guard let extents = shape.countedExtents else { return [ValueInfo(value.elementType, nil)] }
        return try evaluatingConstants([ValueInfo(value.elementType, extents)], of: inputs)
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.countedExtents?.count, rank <= letters.count else { return .opaque }
        var map = AxisMap(inputs: [[.opaque]], outputs: [letters[..<rank].map { .label($0) }])
        map.inputCounts[0] = map.outputs[0]
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { value.isZero ? .zero : .number }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let byteCount = try value.elementType.wholeByteCount(request.nodeName)
        let count = request.outputs[0].shape.elementCount
        let value = value
        return Kernel { operands in
            value.withUnsafeBytes { element in
                guard let element = element.baseAddress else { return }
                FillKernel.run(element, byteCount: byteCount, to: operands.output(0), count: count)
            }
        }
    }
}
