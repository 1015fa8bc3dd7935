package import WinnowGraph
package import WinnowTensor

/// A value of the shape in input 0 with every element the same.
package struct ConstantOfShape: Operator {
    package static let type = OperatorType("ConstantOfShape")

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
        guard let extents = shape.elementExtents else {
            let rank = shape.extents?.first?.value
            return [ValueInfo(value.elementType, rank.map { [Extent](repeating: .unknown, count: $0) })]
        }
        return try evaluatingConstants([ValueInfo(value.elementType, extents)], of: inputs)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let byteCount = try value.elementType.wholeByteCount(request.nodeName)
        let count = request.outputs[0].shape.elementCount
        let pattern = value.withUnsafeBytes { Array($0.prefix(byteCount)) }
        return Kernel { operands in
            guard count > 0 else { return }
            let target = operands.output(0)
            target.copyMemory(from: pattern, byteCount: byteCount)
            var filled = 1
            while filled < count {
                let more = min(filled, count - filled)
                (target + filled * byteCount).copyMemory(from: target, byteCount: more * byteCount)
                filled += more
            }
        }
    }
}
