package import WinnowTensor

/// An operator that no plan holds, because it runs graphs of its own or handles lists: the session computes it between two
/// plans.
package protocol InterpretedOperator: Operator {
    /// Whether that goes for these inputs.
    func isInterpreted(for inputs: [ValueInfo?]) -> Bool

    /// The outputs for these inputs; `run` gives the outputs of the body with this attribute name for its inputs in order.
    func compute(_ inputs: [Datum?], run: (_ body: String, _ inputs: [Datum]) throws -> [Datum]) throws -> [Datum]
}

extension InterpretedOperator {
    package func isInterpreted(for inputs: [ValueInfo?]) -> Bool { true }

    package func kernel(for request: KernelRequest) throws -> Kernel { throw refusal(ofNode: request.nodeName) }

    /// What is said where a plan would have to hold it.
    package func refusal(ofNode name: String) -> WinnowError {
        WinnowError(.unsupported, "node \(name)", "\(Self.type) runs between plans, so a model cannot be trained through it")
    }
}

extension Graph {
    /// The nodes that no plan holds.
    package var interpretedNodes: [Node] {
        nodes.filter { node in (node.op as? any InterpretedOperator)?.isInterpreted(for: node.inputs.map { infos[$0] }) ?? false }
    }
}
