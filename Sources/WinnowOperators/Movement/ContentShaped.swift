package import WinnowGraph
package import WinnowTensor

/// An operator whose results' shapes depend on its inputs' elements: it is evaluated as soon as those are known.
package protocol ContentShaped: Operator {
    /// What comes out while the elements are not known.
    func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo]
    func results(of inputs: [Tensor?]) throws -> [Tensor]
}

extension ContentShaped {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard inputs.allSatisfy({ $0 == nil || $0?.constant != nil }) else { return try undeterminedOutputs(for: inputs) }
        return try results(of: inputs.map { $0?.constant }).map { ValueInfo(constant: $0) }
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        throw WinnowError(.unsupported, request.nodeName, "the shape of its result depends on data")
    }
}

extension [Tensor?] {
    /// The tensor at `index`, which the operator requires.
    func required(_ index: Int) throws -> Tensor {
        guard let tensor = optional(index) else { throw WinnowError(.model, "input \(index)", "is missing") }
        return tensor
    }

    func optional(_ index: Int) -> Tensor? { index < count ? self[index] : nil }
}
